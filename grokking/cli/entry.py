"""Where the command ``grokking`` and its scripts begin: an interrupt while they load ends quietly, too."""

import os

EXIT_INTERRUPTED = 130


def main() -> None:
    """Run ``grokking`` with the arguments of the process."""
    try:
        from grokking.cli.main import main as run
    except KeyboardInterrupt:
        os._exit(EXIT_INTERRUPTED)
    run()


def script(name: str) -> None:
    """Run one subcommand, or ``frames`` of one film, from a script of its own: "train", "frames circle"."""
    try:
        from grokking.cli.main import run_as
    except KeyboardInterrupt:
        os._exit(EXIT_INTERRUPTED)
    run_as(name)

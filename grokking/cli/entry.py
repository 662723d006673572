"""Where the command ``grokking`` and its scripts begin: an interrupt while they load ends quietly, too."""

from grokking.guard import Guard


def main() -> None:
    """Run ``grokking`` with the arguments of the process."""
    guard = Guard()
    guard.open()
    from grokking.cli.main import main as run

    run(guard=guard)


def script(name: str) -> None:
    """Run one subcommand, or ``frames`` of one film, from a script of its own: "train", "frames circle"."""
    guard = Guard()
    guard.open()
    from grokking.cli.main import run_as

    run_as(name, guard)

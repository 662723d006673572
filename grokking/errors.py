"""Errors that end a command early with a message to the user and without a traceback."""

import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(Exception):
    """What was given, what is accepted, what to do: one line, shown without a traceback.

    Commands turn it into ``error: …`` on stderr and exit code 2 (see ``grokking.cli.console.run_script``).
    """


class DamagedFile(UserError):
    """A file of a run directory is truncated, altered, or not of this project; the message names it."""


class Diverged(UserError):
    """A weight of a run is no longer finite; the checkpoints saved before stay."""


class Occupied(UserError):
    """A run directory contains a run that cannot be resumed. fact: the message without its advice."""

    def __init__(self, fact: str) -> None:
        super().__init__(f"{fact}; give another --run_name, or --overwrite to start again")
        self.fact = fact


class Stopped(Exception):
    """A signal asked for an end; everything up to ``epoch`` is saved. Exit code 128 + signal.

    epoch: None where several runs were under way.
    """

    def __init__(self, signal_number: int, epoch: int | None = None) -> None:
        after = "" if epoch is None else f" after epoch {epoch}"
        super().__init__(
            f"stopped by {signal.Signals(signal_number).name}{after}; the same command resumes from there"
        )
        self.exit_code = 128 + signal_number


@contextmanager
def os_errors_as(what: str, advice: str = "") -> Iterator[None]:
    """Turn the system's refusal in the block into a UserError: what was not possible, why, and ``advice``."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot {what}: {error.strerror or error}{advice and f'; {advice}'}") from error


def command(*words: object) -> str:
    """A ``grokking`` command for a message that advises it, as it can be pasted into a shell.

    >>> command("measure", "my runs/quick")
    "grokking measure 'my runs/quick'"
    """
    texts = ["grokking", *map(str, words)]
    if os.name == "nt":
        from subprocess import list2cmdline

        return list2cmdline(texts)
    return shlex.join(texts)


def warn(message: str) -> None:
    """Write a line to stderr about something the user should know, although the work continues."""
    sys.stderr.write(f"warning: {message}\n")

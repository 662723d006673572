"""What a subcommand of ``grokking`` is, the registry of them, and where they write by default.

A subcommand is one module of ``grokking.cli.commands`` that registers a ``Command``. Importing it must be
cheap: whatever needs PyTorch or matplotlib is imported inside the function that runs, so that help comes at
once.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grokking.registry import Registry


@dataclass(frozen=True)
class Command:
    """A subcommand.

    name: as it is typed.  summary: its line in ``grokking --help``.  description: the text of its own help.
    add_flags: adds its arguments to a parser.  run: does the work; prints results to stdout, one path or
    table at a time, and raises UserError for a person's mistake.
    """

    name: str
    summary: str
    description: str
    add_flags: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]
    rank: int = 100


COMMANDS: Registry[Command] = Registry("command", "grokking.cli.commands", "grokking.commands")


CHECKPOINTS = Path("phase_transition/checkpoints")
SWEEP = Path("phase_transition/sweep")
SITE = Path("site")
FIGURES = Path("figures")


def frames_folder(film: str, run_name: str) -> Path:
    """The folder of a film's frames: ``frames_circle/default``."""
    return Path(f"frames_{film}") / run_name

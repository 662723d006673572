"""Train the smallest run that groks, and draw its three films.

    grokking demo

The same as grokking train --preset quick, then grokking show without the page. Prints the films' paths.
"""

import argparse
from pathlib import Path

from grokking.cli.command import CHECKPOINTS, COMMANDS, Command, frames_folder
from grokking.cli.commands import train
from grokking.cli.commands.show import THREE_FILMS, draw_films
from grokking.cli.parser import Parser
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The demo has no flags."""


def run(args: argparse.Namespace) -> None:  # noqa: ARG001
    """Check that films can be made, train, draw."""
    with loading():
        from grokking.films.video import require_films

    require_films([frames_folder(film, "quick") for film in THREE_FILMS])  # before minutes of training
    parser = Parser()
    train.add_flags(parser)
    train.run(parser.read(["--preset", "quick"]))
    draw_films(Path(CHECKPOINTS) / "quick")


COMMANDS.register(Command("demo", "train a small run and film it, in minutes", __doc__, add_flags, run, 140))

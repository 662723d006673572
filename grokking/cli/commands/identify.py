"""Say which group a network has learned, from its answers alone.

    grokking identify phase_transition/checkpoints/default
    grokking identify RUN_DIR --epoch 5000

The answers to all pairs, by argmax, are read as a multiplication table: closure, identity, inverses,
associativity, commuting pairs, conjugacy classes, and the name of the group where it has one here. Of a
network that has not finished, shares are given: how many answers are as in the nearest group's table, how
many triples violate associativity.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The run, the epoch and the operation."""
    parser.add_argument("run", type=Path, metavar="RUN_DIR")
    parser.add_argument("--epoch", type=int, help="a checkpoint's; default: the last")
    parser.add_argument("--operation", help="of a run of several; default: the first with a group")


def run(args: argparse.Namespace) -> None:
    """Print what the answers are."""
    with loading():
        from grokking.runs.answer_table import identify

    print("\n".join(identify(args.run, args.epoch, args.operation)))


COMMANDS.register(Command("identify", "which group a network has learned", __doc__, add_flags, run, 65))

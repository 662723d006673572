"""Audit a network from the inside: memorising, mixed, or a circuit of key frequencies, with the evidence.

    grokking audit phase_transition/checkpoints/default
    grokking audit phase_transition/checkpoints/default --epoch 2000
    grokking audit phase_transition/checkpoints/default --over_training
    grokking audit phase_transition/checkpoints/default --over_training --thorough

Writes audit.json and one page per operation (audit_add.png) into the run directory. With --over_training:
the verdict at every checkpoint, in audit_over_training.json and its picture; an interrupted series
continues where it stopped. The verdict rests on ablations. The slopes of the loss and the robustness take
some ten seconds a checkpoint at p = 113 and come with --thorough. Prints the verdicts and the paths.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.errors import UserError
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The run and which of its checkpoints."""
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="a run directory")
    parser.add_argument("--epoch", type=int, help="which checkpoint (default: the last)")
    parser.add_argument("--over_training", action="store_true", help="the verdict at every checkpoint")
    parser.add_argument(
        "--thorough",
        action="store_true",
        help="with --over_training: slopes and robustness at every checkpoint too",
    )


def run(args: argparse.Namespace) -> None:
    """Audit and print the verdicts and the paths."""
    if args.over_training and args.epoch is not None:
        raise UserError("--over_training audits every checkpoint; leave --epoch out")
    if args.thorough and not args.over_training:
        raise UserError("--thorough goes with --over_training; a single checkpoint is always audited in full")
    with loading():
        from grokking.audit.command import audit, audit_series

    for line in audit_series(args.run, args.thorough) if args.over_training else audit(args.run, args.epoch):
        print(line)


COMMANDS.register(Command("audit", "is there a circuit in a network?", __doc__, add_flags, run, 60))

"""Measure every checkpoint of a run: how it got to its solution.

    grokking measure phase_transition/checkpoints/default
    grokking measure RUN_DIR --measures curvature     also what is too costly to be measured unasked
    grokking measure RUN_DIR RUN_DIR --markdown       measured runs of kinematics as tables, on stdout

A run of arithmetic or of a group: restricted and excluded loss, norms and more, of every checkpoint, with
the final model's key frequencies; progress.json. A run of kinematics: its answers and what linear probes
read from its layers; kinematics.json. Prints the path of the file, which is in the run directory; measuring
again makes the same file again.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.config import names_in
from grokking.errors import UserError
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The runs, and which of their operations."""
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN_DIR")
    parser.add_argument("--list", action="store_true", help="print the names of all metrics and stop")
    parser.add_argument(
        "--operation",
        nargs="+",
        metavar="NAME",
        help="measure only these of the run's operations, such as add (default: all)",
    )
    parser.add_argument(
        "--measures",
        default="",
        metavar="NAME,NAME",
        help="further metrics to take, joined by commas; --list says which must be asked for",
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print tables of measured runs of kinematics instead"
    )


def run(args: argparse.Namespace) -> None:
    """Measure each run and print the path of its measures."""
    with loading():
        from grokking.metrics.registry import listing
        from grokking.runs.progress_measures import measure_run, tables

    if args.list:
        print(listing())
        return
    if not args.runs:
        raise UserError(
            "no run directory was given; grokking measure RUN_DIR measures one, --list names the metrics"
        )
    if args.markdown:
        if args.operation:
            raise UserError("--operation and --markdown were given; accepted: one of them")
        print(tables(args.runs))
        return
    for path in args.runs:
        print(measure_run(path, args.operation, names_in(args.measures)))


COMMANDS.register(Command("measure", "measure every checkpoint of a run", __doc__, add_flags, run, 50))

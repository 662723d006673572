"""Make tables and figures of a folder of runs as it is now: complete or not, even while it grows.

    grokking report phase_transition/sweep
    grokking report phase_transition/checkpoints --measure
    grokking report phase_transition/sweep --cogrokking

Grokking times by cell of the grid (Kaplan-Meier, with censored runs), shares that grokked, delays; with
progress measures also phases and early warnings. Prints the path of report.md; CSV files and figures are
written to the same folder.

With --cogrokking: do operations trained together grok together? It needs runs of two operations together
and of each alone, as grokking sweep --task add mul add,mul makes them. It reports grokking epochs by
operation, the gap between them with its interval, and the gap that independent networks would have. Prints
the path of cogrokking.md.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.errors import UserError
from grokking.guard import loading
from grokking.storage.provenance import command_line


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The folder of runs and what to make of it."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what grokking sweep printed")
    parser.add_argument("--output_dir", type=Path, help="default: FOLDER/report")
    parser.add_argument(
        "--measure", action="store_true", help="make progress.json for the finished runs that lack it"
    )
    parser.add_argument(
        "--cogrokking", action="store_true", help="report whether operations trained together grok together"
    )


def run(args: argparse.Namespace) -> None:
    """Write the report and print its path."""
    if args.cogrokking:
        if args.measure:
            raise UserError("--measure and --cogrokking were given; accepted: one of them")
        with loading():
            from grokking.sweep.cogrokking_report import write_cogrokking

        print(write_cogrokking(args.folder, args.output_dir, command_line()))
        return
    with loading():
        from grokking.sweep.report import write_report

    print(write_report(args.folder, args.output_dir, args.measure, command_line()))


COMMANDS.register(Command("report", "tables and figures of a folder of runs", __doc__, add_flags, run, 30))

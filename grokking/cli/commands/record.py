"""Record a run as a small copy of itself, to ship with a page.

    grokking record phase_transition/checkpoints/default --output_dir docs/recorded/addition
    grokking record phase_transition/sweep --output_dir docs/recorded/sweep
    grokking record phase_transition/audited --audits --output_dir docs/recorded/audits

A copy of a run has fewer checkpoints, in half precision. Of a folder of runs the history's figures are
recorded (or, with --audits, what the page's audit game shows), of a run of kinematics its trajectories.
Prints the path.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The run and the copy."""
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="or the folder of a sweep")
    parser.add_argument("--output_dir", type=Path, required=True, metavar="RUN_DIR", help="the copy")
    parser.add_argument(
        "--epochs", type=int, default=40, help="checkpoints of the copy (default: %(default)s)"
    )
    parser.add_argument(
        "--audits", action="store_true", help="of a folder of runs, the cases of the page's audit game"
    )
    parser.add_argument(
        "--at", type=int, nargs="+", metavar="EPOCH", help="these checkpoints instead of evenly chosen ones"
    )


def run(args: argparse.Namespace) -> None:
    """Record and print the path."""
    with loading():
        from grokking.page.audit_cases import record_cases
        from grokking.page.extras import record_sweep, runs_in
        from grokking.page.recorded import record_run
        from grokking.runs.progress_measures import handler
        from grokking.runs.run import Run
        from grokking.storage.run_directory import RunDirectory

    if not RunDirectory(args.run).exists() and args.run.is_dir() and runs_in(args.run):
        print((record_cases if args.audits else record_sweep)(args.run, args.output_dir))
        return
    if own := handler(Run(args.run), "record"):
        print(own(args.run, args.output_dir))
        return
    print(record_run(args.run, args.output_dir, args.epochs, args.at))


COMMANDS.register(Command("record", "a run becomes a small copy of itself", __doc__, add_flags, run, 110))

"""Make tables and figures of a folder of runs, as it is now: complete or not, even while it grows.

    python report_sweep.py phase_transition/sweep
    python report_sweep.py phase_transition/checkpoints --measure

Grokking times by cell of the grid (Kaplan–Meier, with censored runs), shares that grokked, delays; with
progress measures also phases and early warnings. Prints the path of report.md; CSV files and figures lie
beside it.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        from pathlib import Path

        from grokking.cli.flags import Parser, command_line
        from grokking.sweep.report import write_report

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what run_sweep.py printed")
    parser.add_argument("--output_dir", type=Path, help="default: FOLDER/report")
    parser.add_argument(
        "--measure", action="store_true", help="make progress.json for the runs that are over and lack it"
    )
    args = parser.parse_args()
    print(write_report(args.folder, args.output_dir, args.measure, command_line()))


if __name__ == "__main__":
    run_script(main)

"""Measure whether operations trained together grok together, over a folder of sweep runs.

    python run_sweep.py --task add mul add,mul --train_frac 0.6 --seed 0:5 --output_dir SWEEP
    python report_cogrokking.py SWEEP

Needs runs of two operations together and of each alone. Grokking epochs by operation, the gap between
them with its interval, and the gap that independent networks would have; runs that did not grok are
censored, not left out. Prints the path of cogrokking.md; a CSV file and a figure lie beside it.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        from pathlib import Path

        from grokking.cli.flags import Parser, command_line
        from grokking.sweep.cogrokking_report import write_cogrokking

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="what run_sweep.py printed")
    parser.add_argument("--output_dir", type=Path, help="default: FOLDER/report")
    args = parser.parse_args()
    print(write_cogrokking(args.folder, args.output_dir, command_line()))


if __name__ == "__main__":
    run_script(main)

"""Measure how a run got to its solution: restricted and excluded loss, norms, and more.

    python measure_progress.py phase_transition/checkpoints/default

Every checkpoint that was kept is measured against the final model's key frequencies. Prints the
path of progress.json, which lies in the run directory; running it again makes the same file again.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        from pathlib import Path

        from grokking.cli.flags import Parser
        from grokking.runs.progress_measures import measure_and_write

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="a run directory")
    parser.add_argument(
        "--operation",
        nargs="+",
        metavar="NAME",
        help="measure only these of the run's operations, such as add (default: all)",
    )
    args = parser.parse_args()
    print(measure_and_write(args.run, args.operation))


if __name__ == "__main__":
    run_script(main)

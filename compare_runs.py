"""Print how runs ended, side by side, and draw their curves.

    python compare_runs.py phase_transition/checkpoints/a phase_transition/checkpoints/b
    python compare_runs.py RUN_DIR --csv              the history as CSV, on stdout

The picture goes to --output (default comparison.png); its path is the last line printed.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        from pathlib import Path

        from grokking.cli.flags import Parser
        from grokking.drawing.static_figure import require_picture
        from grokking.errors import UserError
        from grokking.figures.comparison import draw_comparison
        from grokking.runs.compare import history_csv, markdown, table
        from grokking.runs.run import Run

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument("--csv", action="store_true", help="print one run's history as CSV instead")
    parser.add_argument("--markdown", action="store_true", help="print the table for a report instead")
    parser.add_argument("--output", type=Path, default=Path("comparison.png"), help="default: %(default)s")
    args = parser.parse_args()
    runs = [Run(path) for path in args.runs]
    if args.csv:
        if len(runs) != 1:
            raise UserError(f"--csv takes one run directory, not {len(runs)}")
        print(history_csv(runs[0].history), end="")
        return
    if args.markdown:
        print(markdown(runs))
        return
    require_picture(args.output)
    print(table(runs))
    print(draw_comparison(runs, args.output))


if __name__ == "__main__":
    run_script(main)

"""Print how runs ended, in one table, and draw their curves.

    grokking compare phase_transition/checkpoints/a phase_transition/checkpoints/b
    grokking compare RUN_DIR --csv              the history as CSV, on stdout

The picture is written to --output (default comparison.png); its path is the last line printed.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.errors import UserError
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The runs and the form of the answer."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument("--csv", action="store_true", help="print one run's history as CSV instead")
    parser.add_argument("--markdown", action="store_true", help="print the table for a report instead")
    parser.add_argument("--output", type=Path, default=Path("comparison.png"), help="default: %(default)s")


def run(args: argparse.Namespace) -> None:
    """Print a table, a history, or draw a picture."""
    with loading():
        from grokking.runs.compare import history_csv, markdown, table
        from grokking.runs.run import Run

    runs = [Run(path) for path in args.runs]
    if args.csv:
        if len(runs) != 1:
            raise UserError(f"--csv takes one run directory, not {len(runs)}")
        print(history_csv(runs[0].history), end="")
        return
    if args.markdown:
        print(markdown(runs))
        return
    with loading():
        from grokking.drawing.static_figure import require_picture
        from grokking.figures.comparison import draw_comparison

    require_picture(args.output)
    print(table(runs))
    print(draw_comparison(runs, args.output))


COMMANDS.register(Command("compare", "runs in one table and one picture", __doc__, add_flags, run, 40))

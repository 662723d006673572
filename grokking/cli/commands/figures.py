"""Draw every figure that the field draws of such a network, from any run directory.

    grokking figures phase_transition/checkpoints/default --output_dir figures/default
    grokking figures RUN_DIR --only circles neurons --epoch 5000
    grokking figures --list
    grokking figures RUN_DIR --maths --compare RUN_DIR RUN_DIR --output_dir docs/figures

Writes NAME.png and NAME.svg per figure, and index.html, which shows them with captions and needs no network.
Prints the path of index.html. With --maths: the figures of docs/maths.md instead; the runs after --compare
differ in attention temperature or layer norm and give the figure of grokking times.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, FIGURES, Command
from grokking.errors import UserError
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The run, and which figures."""
    add = parser.add_argument
    add("run_dir", type=Path, nargs="?", metavar="RUN_DIR", help="a run directory")
    add("--only", nargs="+", metavar="NAME", help="figures or whole sections; default: all")
    add("--epoch", type=int, help="a checkpoint for figures of one epoch; default: the last")
    add("--operation", metavar="NAME", help="of a run of several; default: the first with a group")
    add("--output_dir", type=Path, help=f"folder of figures; default: {FIGURES}/<run name>")
    add("--pdf", action="store_true", help="write PDF as well")
    add("--contact_sheet", action="store_true", help="put all figures, small, on contact_sheet.png as well")
    add("--jobs", type=int, help="processes that measure and draw; default: all processors")
    add("--list", action="store_true", help="print the names of all figures and stop")
    add("--maths", action="store_true", help="draw the figures of docs/maths.md")
    add("--compare", nargs="+", type=Path, default=[], metavar="RUN_DIR", help="with --maths: further runs")


def run(args: argparse.Namespace) -> None:
    """List figures, or draw them and print the page's path."""
    with loading():
        from grokking.figures.registry import choose, listing

    if args.list:
        print(listing())
        return
    choose(args.only)
    if args.run_dir is None:
        raise UserError(
            "no run directory was given; grokking figures RUN_DIR draws one, --list names the figures"
        )
    if args.maths:
        _draw_maths(args)
        return
    if args.compare:
        raise UserError("--compare goes with --maths; grokking compare takes any runs")
    with loading():
        from grokking.figures.build import FigureOptions, draw_figures
        from grokking.runs.run import Run

    output_dir = args.output_dir or FIGURES / Run(args.run_dir).name
    formats = ("png", "svg", "pdf") if args.pdf else ("png", "svg")
    options = FigureOptions(args.only, args.epoch, args.operation, formats, args.contact_sheet, args.jobs)
    print(draw_figures(args.run_dir, output_dir, options))


def _draw_maths(args: argparse.Namespace) -> None:
    with loading():
        from grokking.figures.maths.plots import draw_all, grokking_times
        from grokking.runs.run import load_run

    others = [load_run(path) for path in args.compare]
    for row in grokking_times(others):
        print(row)
    for path in draw_all(load_run(args.run_dir), others, args.output_dir or Path("docs/figures")):
        print(path)


COMMANDS.register(Command("figures", "a run becomes figures, ready to print", __doc__, add_flags, run, 90))

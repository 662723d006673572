"""The command line of ``draw_atlas.py``."""

import argparse
from pathlib import Path

from grokking.cli.parser import Parser
from grokking.errors import UserError
from grokking.figures.build import AtlasOptions, draw_atlas
from grokking.figures.registry import choose, listing
from grokking.runs.run import Run


def run_atlas(description: str | None) -> str:
    """Command line to atlas; returns what to print: the page's path, or the list of figures."""
    args = _arguments(description)
    if args.list:
        return listing()
    choose(args.only)
    if args.run_dir is None:
        raise UserError(
            "no run directory was given; draw_atlas.py RUN_DIR draws one, --list names the figures"
        )
    output_dir = args.output_dir or Path("atlas") / Run(args.run_dir).name
    formats = ("png", "svg", "pdf") if args.pdf else ("png", "svg")
    options = AtlasOptions(args.only, args.epoch, args.operation, formats, args.contact_sheet, args.jobs)
    return str(draw_atlas(args.run_dir, output_dir, options))


def _arguments(description: str | None) -> argparse.Namespace:
    parser = Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("run_dir", type=Path, nargs="?", metavar="RUN_DIR", help="a run directory")
    add("--only", nargs="+", metavar="NAME", help="figures or whole sections; default: all")
    add("--epoch", type=int, help="a kept epoch for figures of one epoch; default: the last")
    add("--operation", metavar="NAME", help="of a run of several; default: the first with a group")
    add("--output_dir", type=Path, help="folder of figures; default: atlas/<run name>")
    add("--pdf", action="store_true", help="write PDF as well")
    add("--contact_sheet", action="store_true", help="put all figures, small, on contact_sheet.png as well")
    add("--jobs", type=int, help="processes that measure and draw; default: all processors")
    add("--list", action="store_true", help="name all figures and stop")
    return parser.parse_args()

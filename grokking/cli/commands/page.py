"""Build one interactive page from runs. It opens by double click and needs no network.

    grokking page phase_transition/checkpoints/default --output_dir site
    grokking page RUN_DIR RUN_DIR --sweep FOLDER_OF_RUNS --output_dir site

Each run needs its checkpoints and its history; grokking measure adds restricted and excluded loss, and the
phases. Prints the path of index.html.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, SITE, Command
from grokking.guard import loading


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The runs and what else the page shows."""
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument("--output_dir", type=Path, default=SITE, help="default: %(default)s")
    parser.add_argument(
        "--sweep",
        type=Path,
        metavar="FOLDER|FILE",
        help="runs that differ in train_frac and seed: a folder of run directories, or JSON",
    )
    parser.add_argument(
        "--kinematics",
        type=Path,
        metavar="RUN_DIR|FILE",
        help="a run of --task kinematics, or its recorded trajectories",
    )
    parser.add_argument(
        "--audits",
        type=Path,
        metavar="FOLDER|FILE",
        help="networks for the game of the audit: a folder of run directories, or JSON",
    )
    parser.add_argument(
        "--claims",
        type=Path,
        metavar="FILE",
        help="markdown table of verdicts (default: docs/claims.md of the source tree, if it is there)",
    )


def run(args: argparse.Namespace) -> None:
    """Build the page and print its path."""
    with loading():
        from grokking.page.site import CLAIMS, Extras, build_site

    claims = CLAIMS if args.claims is None else args.claims
    extras = Extras(args.sweep, args.kinematics, claims, args.audits)
    print(build_site(args.runs, args.output_dir, extras))


COMMANDS.register(Command("page", "runs become one interactive page", __doc__, add_flags, run, 100))

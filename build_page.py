"""Build one interactive page from runs. It opens by double click and needs no network.

    python build_page.py phase_transition/checkpoints/default --output_dir site
    python build_page.py RUN_DIR RUN_DIR --sweep FOLDER_OF_RUNS --output_dir site

Each run needs kept weights and its history; measure_progress.py adds restricted and excluded loss,
and the phases. Prints the path of index.html.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        from pathlib import Path

        from grokking.cli.flags import Parser
        from grokking.page.site import Extras, build_site

    claims = Path(__file__).parent / "docs" / "claims.md"
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument("--output_dir", type=Path, default=Path("site"), help="default: %(default)s")
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
        "--claims",
        type=Path,
        metavar="FILE",
        default=claims,
        help="markdown table of verdicts (default: docs/claims.md, if it is there)",
    )
    args = parser.parse_args()
    print(build_site(args.runs, args.output_dir, Extras(args.sweep, args.kinematics, args.claims)))


if __name__ == "__main__":
    run_script(main)

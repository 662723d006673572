"""Draw the figures of docs/maths.md from runs.

    python draw_maths.py phase_transition/checkpoints/default
    python draw_maths.py RUN_DIR --compare RUN_DIR RUN_DIR ... --output_dir docs/figures

The first run gives the loss slices, the attention's entropy and the 2-D spectra; the runs after
--compare, of several temperatures and with and without layer norm, the figure of grokking times.
Prints a line per kind of run compared, then the paths.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        from pathlib import Path

        from grokking.cli.flags import Parser
        from grokking.figures.maths.plots import draw_all, grokking_times
        from grokking.runs.run import load_run

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="a run directory")
    parser.add_argument(
        "--compare",
        nargs="+",
        type=Path,
        default=[],
        metavar="RUN_DIR",
        help="runs that differ in --attention_temperature or --layer_norm",
    )
    parser.add_argument("--output_dir", type=Path, default=Path("docs/figures"), help="default: %(default)s")
    args = parser.parse_args()
    others = [load_run(path) for path in args.compare]
    for row in grokking_times(others):
        print(row)
    for path in draw_all(load_run(args.run), others, args.output_dir):
        print(path)


if __name__ == "__main__":
    run_script(main)

"""Measure what a network of projectile heights answers, and what can be read from its layers.

    python probe_kinematics.py phase_transition/checkpoints/kinematics
    python probe_kinematics.py RUN_DIR RUN_DIR ... --markdown      measured runs as tables, on stdout

Prints the path of kinematics.json, which lies in the run directory; running it again makes the same
file again.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        from pathlib import Path

        from grokking.cli.flags import Parser
        from grokking.runs.kinematics_probes import markdown, measure_and_write
        from grokking.runs.run import Run

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR", help="a run of kinematics")
    parser.add_argument("--markdown", action="store_true", help="print tables of measured runs instead")
    args = parser.parse_args()
    if args.markdown:
        print(markdown([Run(path) for path in args.runs]))
        return
    for path in args.runs:
        print(measure_and_write(path))


if __name__ == "__main__":
    run_script(main)

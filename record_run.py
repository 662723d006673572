"""Make a small copy of a run that can be kept with code or sent by mail.

    python record_run.py phase_transition/checkpoints/addition --epochs 40 --output_dir docs/recorded/addition

The copy is a run directory: whole history, weights of some epochs rounded to half precision, progress
measures of these. Every script works on it; it cannot be trained further. Of a kinematics run only
its trajectories are kept, and of a folder of runs when each grokked, as JSON. Prints its path.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    with loading():
        import argparse
        from pathlib import Path

        from grokking.cli.flags import Parser
        from grokking.page.extras import record_sweep, runs_in
        from grokking.page.recorded import record_run
        from grokking.page.trajectories import record_trajectories
        from grokking.runs.run import Run
        from grokking.storage.run_directory import RunDirectory
        from grokking.tasks.kinematics import KinematicsTask

    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN_DIR", help="or the folder of a sweep")
    parser.add_argument("--output_dir", type=Path, required=True, metavar="RUN_DIR", help="the copy")
    parser.add_argument("--epochs", type=int, default=40, help="weights to keep (default: %(default)s)")
    args = parser.parse_args()
    if not RunDirectory(args.run).exists() and args.run.is_dir() and runs_in(args.run):
        print(record_sweep(args.run, args.output_dir))
        return
    if isinstance(Run(args.run).task, KinematicsTask):
        print(record_trajectories(args.run, args.output_dir))
        return
    print(record_run(args.run, args.output_dir, args.epochs))


if __name__ == "__main__":
    run_script(main)

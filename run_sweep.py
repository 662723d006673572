"""Train a grid of runs, each until it groks or its epochs are over.

    python run_sweep.py --p 131 --train_frac 0.1 0.3 0.6 0.9 --seed 0:5 --n_epochs 40000
    python run_sweep.py --preset quick --weight_decay 0 0.5 1 --seed 0:5 --jobs 4
    python run_sweep.py --p 59 --seed 0:100 --backend dask --scheduler tcp://10.0.0.1:8786

Each run lands in a directory of its own in OUTPUT_DIR. The same command goes on after an interruption,
skips what is complete, and may be given on several machines at once. Prints the folder;
report_sweep.py makes tables and figures of it, at any time.
"""

import argparse
from pathlib import Path

from grokking.cli.console import run_script
from grokking.cli.flags import Parser, command_line
from grokking.sweep.executors import BACKENDS, ExecutorConfig
from grokking.sweep.grid import add_grid_flags, grid_from_args, refuse_unknown
from grokking.sweep.runner import Sweep, run_sweep

OUTPUT_DIR = Path("phase_transition/sweep")


def main() -> None:
    parser = Parser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    add_grid_flags(parser)
    where = parser.add_argument_group("where and on what")
    where.add_argument("--output_dir", type=Path, default=OUTPUT_DIR, help="default: %(default)s")
    where.add_argument(
        "--full",
        action="store_true",
        help="train all epochs; default: leave a run once its grokking epoch is certain",
    )
    where.add_argument("--list", action="store_true", help="print the runs' names and do nothing")
    where.add_argument("--jobs", type=int, help="runs at a time; default: one per processor")
    where.add_argument("--threads", type=int, help="of each run; default: processors / jobs")
    where.add_argument("--backend", default="processes", help=f"{', '.join(BACKENDS)}; default: %(default)s")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler or a Ray cluster")
    where.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    where.add_argument("--engine", default="auto", help="auto, numba, batched or reference")
    args, unknown = parser.parse_known_args()
    refuse_unknown(unknown)
    runs = grid_from_args(args)
    if args.list:
        print("\n".join(runs))
        return
    print(
        run_sweep(
            Sweep(
                runs,
                args.output_dir,
                not args.full,
                ExecutorConfig(args.backend, args.jobs, args.threads, args.scheduler),
                args.device,
                args.engine,
                command_line(),
            )
        )
    )


if __name__ == "__main__":
    run_script(main)

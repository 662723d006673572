"""Train a grid of runs, each until it groks or its epochs are over.

    grokking sweep --p 131 --train_frac 0.1 0.3 0.6 0.9 --seed 0:5 --n_epochs 40000
    grokking sweep --preset quick --weight_decay 0 0.5 1 --seed 0:5 --jobs 4
    grokking sweep --p 59 --seed 0:100 --backend dask --scheduler tcp://10.0.0.1:8786
    grokking sweep --configs FILE --seed 0:20

Each run is written to a directory of its own in OUTPUT_DIR. The same command continues after an interruption,
skips what is complete, and may be given on several machines at once. Prints the folder; grokking report makes
tables and figures of it, at any time.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, SWEEP, Command
from grokking.cli.commands.train import DEVICE_HELP, ENGINES_HELP
from grokking.cli.flags import add_grid_flags, grid_from_args
from grokking.guard import loading
from grokking.storage.provenance import command_line


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The grid, then where the runs go and what computes them."""
    add_grid_flags(parser)
    where = parser.add_argument_group("where and on what")
    where.add_argument("--output_dir", type=Path, default=SWEEP, help="default: %(default)s")
    where.add_argument(
        "--full",
        action="store_true",
        help="train all epochs; default: stop a run once its grokking epoch is certain",
    )
    where.add_argument("--list", action="store_true", help="print the names of the runs and do nothing")
    where.add_argument("--jobs", type=int, help="runs at a time; default: one per processor")
    where.add_argument("--threads", type=int, help="of each run; default: processors / jobs")
    where.add_argument("--backend", default="processes", help="processes, dask or ray; default: %(default)s")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler or a Ray cluster")
    where.add_argument("--device", default="auto", help=DEVICE_HELP)
    where.add_argument("--engine", default="auto", help=ENGINES_HELP)


def run(args: argparse.Namespace) -> None:
    """List the runs, or make them and print the folder."""
    runs = grid_from_args(args)
    if args.list:
        print("\n".join(runs))
        return
    with loading():
        from grokking.sweep.executors import ExecutorConfig
        from grokking.sweep.runner import Sweep, run_sweep

    where = ExecutorConfig(args.backend, args.jobs, args.threads, args.scheduler)
    sweep = Sweep(runs, args.output_dir, not args.full, where, args.device, args.engine, command_line())
    print(run_sweep(sweep))


COMMANDS.register(Command("sweep", "train a grid of runs, here or on a cluster", __doc__, add_flags, run, 20))

"""Train one run until it groks, and measure everything on the way.

    grokking train --preset quick
    grokking train --n_epochs 30000 --checkpoint_every 1000
    grokking train --preset quick --seeds 0:16

The run is written to OUTPUT_DIR/RUN_NAME. The same command continues it where it stopped; a larger
--n_epochs extends it. At its end the progress measures are taken. Prints the run directory.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from grokking.cli.command import CHECKPOINTS, COMMANDS, Command
from grokking.cli.flags import add_config_flags, config_from_args
from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.guard import loading
from grokking.storage.provenance import command_line

ENGINES_HELP = "auto, numba, batched or reference (default: auto, the fastest that serves the run)"
DEVICE_HELP = "auto, cpu, cuda or cuda:N"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """One flag per field of the config, then where the run goes and what computes it."""
    add_config_flags(parser)
    where = parser.add_argument_group("where and on what")
    where.add_argument("--run_name", help="default: the preset's name, else default")
    where.add_argument("--output_dir", type=Path, default=CHECKPOINTS, help="default: %(default)s")
    where.add_argument("--overwrite", action="store_true", help="start again; the old run is deleted")
    where.add_argument(
        "--init_from", metavar="RUN:EPOCH", help="start from the weights of a run's checkpoint"
    )
    where.add_argument("--device", default="auto", help=DEVICE_HELP)
    where.add_argument("--engine", default="auto", help=ENGINES_HELP)
    where.add_argument(
        "--threads", type=int, help="of the numba engine; default: all processors, or OMP_NUM_THREADS"
    )
    where.add_argument("--seeds", metavar="0:16", help="several seeds together, a run directory each")
    where.add_argument(
        "--no_measures",
        action="store_true",
        help="do not write progress.json; grokking measure makes it later",
    )
    where.add_argument(
        "--tracker",
        metavar="tensorboard|wandb|trackio",
        help="also send every row of the history to a tracker, if it is installed",
    )


def run(args: argparse.Namespace) -> None:
    """Train, measure, print the run directories."""
    with loading():
        from grokking.runs.progress_measures import ensure_measured
        from grokking.training.launch import Request, start_runs
        from grokking.training.loop import Execution

    request = Request(
        args.output_dir,
        args.overwrite,
        args.init_from,
        Execution(args.device, args.engine, args.threads),
        command_line(),
        tracker=args.tracker,
    )
    for path in start_runs(configs_of(args), request):
        if not args.no_measures:
            ensure_measured(path)
        print(path)


def configs_of(args: argparse.Namespace) -> dict[str, RunConfig]:
    """The runs that the flags ask for, by run name."""
    with loading():
        from grokking.training.launch import seed_range

    name = (args.preset or "default") if args.run_name is None else args.run_name
    config = config_from_args(args)
    if args.seeds is None:
        return {name: config}
    if "seed" in args:
        raise UserError(f"--seed {args.seed} and --seeds {args.seeds} were given; accepted: one of them")
    return {f"{name}_seed{s}": replace(config, seed=s) for s in seed_range(args.seeds)}


COMMANDS.register(Command("train", "train a run, or several seeds together", __doc__, add_flags, run, 10))

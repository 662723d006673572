"""Train one run until it groks, measuring everything on the way.

    python train_with_metrics.py --preset quick
    python train_with_metrics.py --n_epochs 30000 --checkpoint_every 1000
    python train_with_metrics.py --preset quick --seeds 0:16

The run lands in OUTPUT_DIR/RUN_NAME. The same command continues it where it stopped; a larger
--n_epochs extends it. At its end the progress measures are taken. Prints the run directory.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from grokking.cli.console import run_script
from grokking.cli.flags import Parser, add_config_flags, command_line, config_from_args
from grokking.errors import UserError
from grokking.runs.progress_measures import ensure_measured
from grokking.storage.run_directory import OUTPUT_DIR
from grokking.training.launch import Request, seed_range, start_runs
from grokking.training.loop import Execution
from grokking.training.tracking import TRACKERS


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_flags(parser)
    where = parser.add_argument_group("where and on what")
    where.add_argument("--run_name", help="default: the preset's name, else default")
    where.add_argument("--output_dir", type=Path, default=OUTPUT_DIR, help="default: %(default)s")
    where.add_argument("--overwrite", action="store_true", help="start again; the old run is deleted")
    where.add_argument("--init_from", metavar="RUN:EPOCH", help="start from kept weights of a run")
    where.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    where.add_argument("--engine", default="auto", help="auto, numba, batched or reference")
    where.add_argument("--threads", type=int, help="of the numba engine; default: all processors")
    where.add_argument("--seeds", metavar="0:16", help="several seeds together, a run directory each")
    where.add_argument(
        "--no_measures",
        action="store_true",
        help="leave progress.json out; measure_progress.py makes it later",
    )
    where.add_argument("--tracker", metavar="|".join(TRACKERS), help="mirror the history live, if installed")
    args = parser.parse_args()
    name = (args.preset or "default") if args.run_name is None else args.run_name
    config = config_from_args(args)
    configs = {name: config}
    if args.seeds is not None:
        if "seed" in args:
            raise UserError(f"--seed {args.seed} and --seeds {args.seeds} were given; accepted: one of them")
        configs = {f"{name}_seed{s}": replace(config, seed=s) for s in seed_range(args.seeds)}
    for path in start_runs(
        configs,
        Request(
            args.output_dir,
            args.overwrite,
            args.init_from,
            Execution(args.device, args.engine, args.threads),
            command_line(),
            tracker=args.tracker,
        ),
    ):
        if not args.no_measures:
            ensure_measured(path)
        print(path)


if __name__ == "__main__":
    run_script(main)

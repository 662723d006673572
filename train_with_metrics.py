"""Train one run until it groks, measuring everything on the way.

    python train_with_metrics.py --preset quick
    python train_with_metrics.py --n_epochs 30000 --checkpoint_every 1000

The run lands in OUTPUT_DIR/RUN_NAME. The same command continues it where it stopped; a larger
--n_epochs extends it. Prints the run directory.
"""

import argparse
from pathlib import Path

from grokking.arguments import Parser, add_config_flags, command_line, config_from_args
from grokking.cli import run_script
from grokking.runs import OUTPUT_DIR
from grokking.training.start import start_run


def main() -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_config_flags(parser)
    where = parser.add_argument_group("where and on what")
    where.add_argument("--run_name", help="default: the preset's name, else default")
    where.add_argument("--output_dir", type=Path, default=OUTPUT_DIR, help="default: %(default)s")
    where.add_argument("--overwrite", action="store_true", help="start again; the old run is deleted")
    where.add_argument("--init_from", metavar="RUN:EPOCH", help="start from kept weights of a run")
    where.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    where.add_argument("--engine", default="auto", help="auto, compiled, lookup or plain")
    where.add_argument("--threads", type=int, help="of the compiled engine; default: all processors")
    args = parser.parse_args()
    run_name = (args.preset or "default") if args.run_name is None else args.run_name
    print(start_run(
        config_from_args(args), args.output_dir, run_name, overwrite=args.overwrite,
        init_from=args.init_from, device=args.device, engine=args.engine, threads=args.threads,
        command=command_line(),
    ))


if __name__ == "__main__":
    run_script(main)

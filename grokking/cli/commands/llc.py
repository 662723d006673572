"""Estimate the local learning coefficient of checkpoints by Langevin sampling.

    grokking llc phase_transition/checkpoints/quick
    grokking llc RUN_DIR --epochs 0 500 3000 --chains 8 --step_size 1e-5

Half the number of directions in which the train loss rises as a square, fewer where it is flatter (Lau et al.
2023). The estimate depends on the settings of the sampler; all are printed and written beside it. Look at the
chains: an estimate whose chains still climb, or fall below the loss that they began with, says nothing.
Writes llc.json and llc.png into --output_dir and prints a table and both paths.
"""

import argparse
from pathlib import Path

from grokking.cli.command import COMMANDS, Command
from grokking.errors import UserError
from grokking.guard import loading

FEW_CHECKPOINTS = 12


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The run, its checkpoints, and the settings of the sampler."""
    parser.add_argument("run", type=Path, metavar="RUN_DIR")
    parser.add_argument("--output_dir", type=Path, default=Path("llc"), help="default: %(default)s")
    parser.add_argument(
        "--epochs",
        type=int,
        nargs="+",
        help=f"checkpoints; default: {FEW_CHECKPOINTS} of them, spread evenly",
    )
    sampler = parser.add_argument_group("sampler")
    for name, kind, default, text in (
        ("chains", int, 4, "independent chains"),
        ("steps", int, 400, "steps of each"),
        ("burn_in", int, 100, "first steps that are left out"),
        ("step_size", float, 1e-5, "ε"),
        ("localisation", float, 100.0, "γ, which holds chains near the checkpoint"),
        ("beta", float, 0.0, "inverse temperature; 0: 1 / ln of the number of train pairs"),
        ("seed", int, 0, "of the noise"),
    ):
        sampler.add_argument(f"--{name}", type=kind, default=default, help=f"{text}; default: %(default)s")


def run(args: argparse.Namespace) -> None:
    """Sample, write, print."""
    with loading():
        from grokking.figures.learning_coefficient import draw_learning_coefficients
        from grokking.metrics.learning_coefficient import SamplerSettings
        from grokking.runs.learning_coefficients import over_checkpoints, spread_epochs
        from grokking.runs.run import Run
        from grokking.storage.atomic_io import folder_for, write_json

    settings = SamplerSettings(
        args.chains, args.steps, args.burn_in, args.step_size, args.localisation, args.beta, args.seed
    )
    opened = Run(args.run)
    if args.output_dir.exists() and not args.output_dir.is_dir():
        raise UserError(f"{args.output_dir} is a file; give --output_dir a folder")
    measured = over_checkpoints(
        opened, args.epochs or spread_epochs(opened.epochs, FEW_CHECKPOINTS), settings
    )
    with folder_for(args.output_dir):
        write_json(args.output_dir / "llc.json", measured.record())
        draw_learning_coefficients(measured, args.output_dir / "llc.png")
    print(measured.table())
    print(args.output_dir / "llc.json")
    print(args.output_dir / "llc.png")


COMMANDS.register(
    Command("llc", "local learning coefficients of checkpoints", __doc__, add_flags, run, rank=55)
)

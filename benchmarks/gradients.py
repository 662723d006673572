"""How far every engine's gradient is from the exact one, along a run: rounding, and nothing else?

    python -m benchmarks.gradients RUN_DIR
    python -m benchmarks.gradients RUN_DIR --epochs 0 1000 5000 9000

Exact is the plain forward pass in float64. Prints Markdown: norm of the error over the norm of the
gradient, all weights together, and each engine's as a multiple of the plain float32 engine's.
*Flipped*: neurons, over all pairs, that rounding puts on the other side of zero, of how many. One of
them is worth more than all other rounding: its gradient is there or is not.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.config import RunConfig
from grokking.engines import lookup as general
from grokking.engines.choose import ENGINES
from grokking.engines.outputs import task_outputs
from grokking.engines.train_pairs import TrainPairs
from grokking.from_config import shape_of
from grokking.models.transformer.network import Weights
from grokking.storage.provenance import git_commit, machine, versions
from grokking.storage.run_directory import RunDirectory
from tests.training.exact import engine_gradient, exact_gradient, train_pairs

N_EPOCHS = 13


def distance(found: dict[str, Tensor], exact: dict[str, Tensor]) -> float:
    """Norm of the error over the norm of the gradient, all parameters together."""
    return float((_flat(found).double() - _flat(exact)).norm() / _flat(exact).norm())


def _flat(gradient: dict[str, Tensor]) -> Tensor:
    return torch.cat([g.flatten() for g in gradient.values()])


def flipped(config: RunConfig, pairs: TrainPairs, weights: Weights) -> tuple[list[int], int]:
    """How many neurons are on where they should be off, or off: by look-up and compiled; and of how many."""
    shape = shape_of(config)
    double = {name: tensor.double() for name, tensor in weights.items()}
    exact = general.outputs(double, shape, pairs.tokens)[0] > 0
    found = (
        general.outputs(weights, shape, pairs.tokens)[0],
        task_outputs(weights, shape, pairs.tokens).neurons,
    )
    return [int(((neurons > 0) != exact).sum()) for neurons in found], exact.numel()


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dir", type=Path, metavar="RUN_DIR")
    parser.add_argument("--epochs", type=int, nargs="+", help="kept ones; default: thirteen, evenly")
    args = parser.read()
    directory = RunDirectory(args.run_dir)
    config, kept = directory.config(), directory.epochs()
    epochs = args.epochs or sorted({kept[i * (len(kept) - 1) // (N_EPOCHS - 1)] for i in range(N_EPOCHS)})
    pairs = train_pairs(config)
    print(f"| epoch | norm of the gradient | {' | '.join(reversed(ENGINES))} | flipped: lookup, compiled |")
    print("| --- | --- |" + " --- |" * len(ENGINES) + " --- |")
    for epoch in epochs:
        weights = directory.load(epoch).weights
        _, exact = exact_gradient(config, weights)
        errors = {
            name: distance(engine_gradient(name, config, weights)[1], exact) for name in reversed(ENGINES)
        }
        cells = [f"{error:.1e} ({error / errors['reference']:.2f})" for error in errors.values()]
        flips, n = flipped(config, pairs, weights)
        cells.append(f"{flips[0]}, {flips[1]} of {n:,}")
        print(f"| {epoch:,} | {float(_flat(exact).norm()):.1e} | " + " | ".join(cells) + " |")
    print(f"\n{machine()}, {versions()}, commit {git_commit()}")


if __name__ == "__main__":
    run_script(main)

"""Where the time of one compiled update goes: every part by itself, on one thread.

    python -m benchmarks.parts
    python -m benchmarks.parts --p 211

The parts are timed in turn; the last line is the whole update in the same rounds. Prints Markdown.
"""

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numba import njit

from benchmarks.measure import in_turn
from benchmarks.step import multiply_adds
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.config import RunConfig
from grokking.engines.numba.backprop_tables import backprop_tables
from grokking.engines.numba.blas import SGEMM, matmul
from grokking.engines.numba.build_tables import build_tables
from grokking.engines.numba.compiling import from_python
from grokking.engines.numba.engine import NumbaUpdates
from grokking.engines.numba.kernels import cross_entropy, mix_rows, unmix_rows
from grokking.engines.numba.tables import matrices, padded
from grokking.engines.parameters import Parameters
from grokking.engines.threads import flushed_denormals, shared_workers, torch_threads
from grokking.engines.train_pairs import TrainPairs
from grokking.from_config import initial_weights, split_of
from grokking.storage.provenance import git_commit, machine, versions
from grokking.tasks.modular import make_task

Call = Callable[[], object]


@njit(nogil=True)
def mixes(tiles, rows, tables, start, scratch):  # type: ignore[no-untyped-def]
    """Look-ups of every tile."""
    for o, first, last in tiles:
        n = last - first
        mix_rows(
            tables.mix[o],
            tables.score[o],
            tables.op_token_score[o],
            tables.base[o],
            rows[first:last],
            start,
            scratch.weights[:n],
            scratch.at[:n],
            scratch.out[:n],
        )


@njit(nogil=True)
def products(sgemm, tiles, tables, d, start, scratch):  # type: ignore[no-untyped-def]
    """The three matrix products of every tile."""
    n_neurons, n_classes = tables.neuron_logit.shape
    logits = slice(start, start + n_classes)
    for _, first, last in tiles:
        out, d_out = scratch.out[: last - first], scratch.d_out[: last - first]
        matmul(sgemm, out[:, :n_neurons], False, tables.neuron_logit, False, out[:, logits], True)
        matmul(sgemm, d_out[:, logits], False, tables.logit_neuron, False, d_out[:, :n_neurons], False)
        matmul(sgemm, d_out[:, logits], True, out[:, :n_neurons], False, d.logit_neuron, True)


@njit(nogil=True)
def losses(tiles, answers, weight, start, n_classes, scratch):  # type: ignore[no-untyped-def]
    """Cross-entropy of every tile and its gradient."""
    for _, first, last in tiles:
        n = last - first
        cross_entropy(
            scratch.out[:n],
            slice(start, start + n_classes),
            answers[first:last],
            weight[first],
            scratch.d_out[:n],
        )


@njit(nogil=True)
def unmixes(tiles, rows, tables, d, start, scratch):  # type: ignore[no-untyped-def]
    """The way back of ``mixes``."""
    for o, first, last in tiles:
        n = last - first
        unmix_rows(
            tables.mix[o],
            rows[first:last],
            start,
            scratch.weights[:n],
            scratch.at[:n],
            scratch.out[:n],
            scratch.d_out[:n],
            d.mix[o],
            d.score[o],
            d.base[o],
        )


def parts(config: RunConfig) -> dict[str, Call]:
    """Calls that do one part each of an update of ``config``, and ``"all"`` of it."""
    task = make_task(config.p, config.task)
    parameters = Parameters(config, initial_weights(config), torch.device("cpu"))
    updates = NumbaUpdates(parameters, TrainPairs.of(task, split_of(config, task)), shared_workers(1))
    updates.advance(np.empty(20))
    ((team, tiles, scratch),) = updates.threads
    tables, work, pairs, scale = (
        updates.tables,
        updates.workspace,
        updates.pairs,
        parameters.shape.score_scale,
    )
    d = type(updates.parts)(*(part[0] for part in updates.parts))
    w, g = matrices(parameters.weights), matrices(parameters.gradient)
    start = padded(config.d_mlp)
    return {
        "tables from weights": partial(build_tables, team, SGEMM, scale, w, work, tables),
        "look-ups": partial(mixes, tiles, pairs.rows, tables, start, scratch),
        "matrix products": partial(products, SGEMM, tiles, tables, d, start, scratch),
        "float64 losses": partial(
            losses, tiles, pairs.answers, pairs.weight, start, parameters.shape.n_classes, scratch
        ),
        "look-ups, backwards": partial(unmixes, tiles, pairs.rows, tables, d, start, scratch),
        "gradients of weights from those of tables": partial(
            from_python(backprop_tables), team, SGEMM, scale, w, work, updates.parts, g
        ),
        "all": partial(updates.advance, np.empty(1)),
    }


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="default: %(default)s")
    parser.add_argument("--p", type=int, default=113, help="default: %(default)s")
    args = parser.read()
    config = RunConfig(p=args.p)
    with torch_threads(1), flushed_denormals():
        timing = in_turn({name: (call, 2) for name, call in parts(config).items()}, args.rounds)
    whole = timing["all"].median
    print(f"p = {config.p}, fraction {config.train_frac}; one thread, {args.rounds} rounds\n")
    print("| part | ms, median (range) | of the update |\n| --- | --- | --- |")
    for name, t in timing.items():
        print(f"| {name} | {t.median * 1e3:.2f} ({t.spread}) | {t.median / whole:.0%} |")
    rate = 2 * multiply_adds(config) / timing["matrix products"].median
    print(f"\nThe products run at {rate / 1e9:.0f} GFLOP/s.")
    print(f"{machine()}, {versions()}, commit {git_commit()}")


if __name__ == "__main__":
    run_script(main)

"""Whole passes over many pairs without returning to Python: evaluations, and updates by AdamW.

Every thread of a team calls the same function with its own ``team``, tiles and scratch memory.
"""

from typing import NamedTuple

import numpy as np

from grokking.engines.numba.backprop_tables import backprop_tables
from grokking.engines.numba.build_tables import build_tables
from grokking.engines.numba.compiling import inner, kernel, part
from grokking.engines.numba.tables import TableGradient
from grokking.engines.numba.thread_team import barrier, chunk_bounds
from grokking.engines.numba.tile_loops import gradient_of_tiles, losses_of_tiles, outputs_of_tiles
from grokking.optim.adamw import EPS


@kernel()
def evaluate(team, sgemm, scale, w, workspace, tables, pairs, n_answers, tiles, scratch, losses, correct):  # type: ignore[no-untyped-def]
    """Cross-entropy (float64 [N]) and correctness (bool [N]) of this thread's pairs."""
    build_tables(team, sgemm, scale, w, workspace, tables)
    losses_of_tiles(sgemm, tiles, pairs.rows, pairs.answers, n_answers, tables, scratch, losses, correct)


@kernel()
def output(team, sgemm, scale, w, workspace, tables, pairs, order, tiles, scratch, neurons, logits):  # type: ignore[no-untyped-def]
    """Neurons and logits of this thread's pairs, each in the row where ``order`` wants it."""
    build_tables(team, sgemm, scale, w, workspace, tables)
    outputs_of_tiles(sgemm, tiles, pairs.rows, order, tables, scratch, neurons, logits)


class Adam(NamedTuple):
    """State of AdamW (Loshchilov & Hutter 2019, algorithm 2), and its settings.

    weights, gradient, exp_avg, exp_avg_sq: float32 [n_parameters].  n_updates: made so far.
    """

    weights: np.ndarray
    gradient: np.ndarray
    exp_avg: np.ndarray
    exp_avg_sq: np.ndarray
    beta1: float
    beta2: float
    weight_decay: float
    n_updates: int


@part()
def _write_gradient(team, sgemm, scale, w, g, workspace, tables, parts, pairs, tiles, scratch, losses):  # type: ignore[no-untyped-def]
    """Write the gradient of the loss at the weights ``w`` to ``g``, and this thread's part of the loss.

    parts: table gradients, one for each thread.  pairs: rows, answers and weights of all.
    tiles: int64 [T, 3], of this thread.  losses: float64 [n].
    """
    me = team.me
    part = TableGradient(parts.mix[me], parts.score[me], parts.base[me], parts.logit_neuron[me])
    build_tables(team, sgemm, scale, w, workspace, tables)
    losses[me] = gradient_of_tiles(sgemm, tiles, pairs, tables, part, scratch)
    barrier(team)
    backprop_tables(team, sgemm, scale, w, workspace, parts, g)
    barrier(team)


@kernel()
def loss_and_gradient(team, sgemm, scale, w, g, workspace, tables, parts, pairs, tiles, scratch, losses):  # type: ignore[no-untyped-def]
    """``_write_gradient`` for Python, which makes the step of an optimiser that is not compiled."""
    _write_gradient(team, sgemm, scale, w, g, workspace, tables, parts, pairs, tiles, scratch, losses)


@kernel()
def advance_adamw(  # type: ignore[no-untyped-def]
    team, sgemm, scale, w, g, workspace, tables, parts, pairs, tiles, scratch, adam, rates, losses
):
    """One update for each of ``rates``; this thread's part of the losses before each goes to ``losses``.

    As ``_write_gradient``, with w, g being views of ``adam``'s weights and gradient.
    losses: float64 [len(rates), n].
    """
    for i in range(rates.shape[0]):
        _write_gradient(team, sgemm, scale, w, g, workspace, tables, parts, pairs, tiles, scratch, losses[i])
        _adamw(team, adam, rates[i], adam.n_updates + i + 1)
        barrier(team)


@inner(fastmath={"contract"})
def _adamw(team, adam, rate, t):  # type: ignore[no-untyped-def]
    """Update ``t`` (from 1) of this thread's share of the weights."""
    one, decay = np.float32(1), np.float32(rate * adam.weight_decay)
    b1, b2 = np.float32(adam.beta1), np.float32(adam.beta2)
    step = np.float32(rate / (1 - adam.beta1**t))
    spread, eps = np.float32(1 / np.sqrt(1 - adam.beta2**t)), np.float32(EPS)
    first, last = chunk_bounds(team, adam.weights.shape[0])
    w, g = adam.weights[first:last], adam.gradient[first:last]
    m, v = adam.exp_avg[first:last], adam.exp_avg_sq[first:last]
    for c in range(w.shape[0]):
        m[c] = b1 * m[c] + (one - b1) * g[c]
        v[c] = b2 * v[c] + (one - b2) * (g[c] * g[c])
        w[c] = (w[c] - decay * w[c]) - step * (m[c] / (np.sqrt(v[c]) * spread + eps))


COMPILED_STEPS = {"adamw": advance_adamw}
"""Whole updates, by what an optimiser names as its ``compiled_step``."""

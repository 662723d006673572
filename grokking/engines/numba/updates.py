"""Whole updates of a run, without returning to Python in between: tables, gradient, AdamW.

Every thread of a crew calls the same function with its own ``crew``, tiles and scratch memory.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from grokking.engines.numba.backprop_tables import unfold
from grokking.engines.numba.build_tables import fold
from grokking.engines.numba.tables import TableGradient
from grokking.engines.numba.thread_team import barrier, chunk_bounds
from grokking.engines.numba.tile_loops import gradient_of_tiles

EPS = 1e-8
"""As in ``torch.optim.AdamW``."""


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


@njit(nogil=True, cache=True)
def advance(team, sgemm, scale, w, g, work, tables, parts, pairs, tiles, scratch, adam, rates, losses):  # type: ignore[no-untyped-def]
    """One update for each of ``rates``; this thread's part of the losses before each goes to ``losses``.

    w, g: views of ``adam``'s weights and gradient.  parts: table gradients, one for each thread.
    pairs: rows, answers and weights of all.  tiles: int64 [T, 3], of this thread.
    losses: float64 [len(rates), n].
    """
    me = team.me
    part = TableGradient(parts.mix[me], parts.score[me], parts.base[me], parts.logit_neuron[me])
    for i in range(rates.shape[0]):
        fold(team, sgemm, scale, w, work, tables)
        losses[i, me] = gradient_of_tiles(
            sgemm, tiles, pairs.rows, pairs.answers, pairs.weight, tables, part, scratch
        )
        barrier(team)
        unfold(team, sgemm, scale, w, work, parts, g)
        barrier(team)
        _adamw(team, adam, rates[i], adam.n_updates + i + 1)
        barrier(team)


@njit(nogil=True, fastmath={"contract"}, cache=True)
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

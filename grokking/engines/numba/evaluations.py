"""Forward passes over many pairs, from weights to losses or outputs, without returning to Python.

Every thread of a team calls the same function with its own ``team``, tiles and scratch memory.
"""

from numba import njit

from grokking.engines.numba.build_tables import build_tables
from grokking.engines.numba.tile_loops import losses_of_tiles, outputs_of_tiles


@njit(nogil=True, cache=True)
def evaluate(team, sgemm, scale, w, workspace, tables, pairs, n_answers, tiles, scratch, losses, correct):  # type: ignore[no-untyped-def]
    """Cross-entropy (float64 [N]) and correctness (bool [N]) of this thread's pairs."""
    build_tables(team, sgemm, scale, w, workspace, tables)
    losses_of_tiles(sgemm, tiles, pairs.rows, pairs.answers, n_answers, tables, scratch, losses, correct)


@njit(nogil=True, cache=True)
def output(team, sgemm, scale, w, workspace, tables, pairs, order, tiles, scratch, neurons, logits):  # type: ignore[no-untyped-def]
    """Neurons and logits of this thread's pairs, each in the row where ``order`` wants it."""
    build_tables(team, sgemm, scale, w, workspace, tables)
    outputs_of_tiles(sgemm, tiles, pairs.rows, order, tables, scratch, neurons, logits)

"""Loops over large tables that are made once and in float64: compiled where numba is there."""

from typing import no_type_check

import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

try:
    from grokking.engines.numba.compiling import kernel
except ImportError:  # numba is an optional speed-up
    COMPILED = False
else:
    COMPILED = True


def grid_sums(
    grid: Float[np.ndarray, "n n m"], s: Int64[np.ndarray, "..."]
) -> tuple[Float64[np.ndarray, "n m"], Float64[np.ndarray, "m"]]:
    """Of grid float32 [n, n, m]: Σ over pairs of equal answer, float64 [n, m]; Σ squares, float64 [m].

    s: int64 [n²], the answer of each pair; every answer occurs once in a row of pairs, as in a group.
    """
    n = len(grid)
    answers = np.ascontiguousarray(s).reshape(n, n)
    by_answer, squares = np.zeros((n, grid.shape[2])), np.zeros(grid.shape[2])
    if COMPILED:
        _grid_sums(np.ascontiguousarray(grid), answers, by_answer, squares)
        return by_answer, squares
    for i in range(n):
        row = grid[i].astype(np.float64)
        by_answer[answers[i]] += row
        squares += (row * row).sum(axis=0)
    return by_answer, squares


def best_shares(
    coefficients: Float32[np.ndarray, "shuffles n m"], starts: Int64[np.ndarray, "n_blocks"]
) -> Float64[np.ndarray, "shuffles"]:
    """Mean over columns of the largest energy of one block: float32 [S, n, m] to float64 [S].

    starts: int64 [n_blocks], the first of each block's rows among the n; the first block does not count.
    """
    if COMPILED:
        return np.asarray(_best_shares(np.ascontiguousarray(coefficients), starts))
    energy = np.add.reduceat(coefficients.astype(np.float64) ** 2, starts, axis=1)[:, 1:]
    return np.asarray(energy.max(axis=1).mean(axis=1))


if COMPILED:

    @kernel()
    @no_type_check
    def _grid_sums(grid, answers, by_answer, squares):  # type: ignore[no-untyped-def]
        n, m = grid.shape[0], grid.shape[2]
        for i in range(n):
            for j in range(n):
                total, row = by_answer[answers[i, j]], grid[i, j]
                for c in range(m):
                    x = np.float64(row[c])
                    total[c] += x
                    squares[c] += x * x

    @kernel()
    @no_type_check
    def _best_shares(coefficients, starts):  # type: ignore[no-untyped-def]
        n_shuffles, n, m = coefficients.shape
        out, best, energy = np.empty(n_shuffles), np.empty(m, np.float32), np.empty(m, np.float32)
        for s in range(n_shuffles):
            best[:] = 0
            for block in range(1, len(starts)):
                energy[:] = 0
                for at in range(starts[block], starts[block + 1] if block + 1 < len(starts) else n):
                    row = coefficients[s, at]
                    for c in range(m):
                        energy[c] += row[c] * row[c]
                for c in range(m):
                    best[c] = energy[c] if energy[c] > best[c] else best[c]
            total = 0.0
            for c in range(m):
                total += best[c]
            out[s] = total / m
        return out

"""Loops over large tables that are made once and in float64: compiled where numba is there."""

import numpy as np

try:
    from numba import njit
except ImportError:  # numba is an optional speed-up
    COMPILED = False
else:
    COMPILED = True


def grid_sums(grid: np.ndarray, sign: int) -> tuple[np.ndarray, np.ndarray]:
    """Of grid float32 [n, n, m]: Σ over pairs of equal i + sign · j mod n, [n, m]; Σ squares, [m]."""
    n = len(grid)
    by_answer, squares = np.zeros((n, grid.shape[2])), np.zeros(grid.shape[2])
    if COMPILED:
        _grid_sums(np.ascontiguousarray(grid), sign, by_answer, squares)
        return by_answer, squares
    for i in range(n):
        row = grid[i].astype(np.float64)
        by_answer[(i + sign * np.arange(n)) % n] += row
        squares += (row * row).sum(axis=0)
    return by_answer, squares


def best_shares(coefficients: np.ndarray) -> np.ndarray:
    """Mean over columns of the largest energy of one frequency: float32 [S, n, m] to float64 [S].

    Row 0 of the n is the constant; then come pairs of rows, and a single one last for even n.
    """
    if COMPILED:
        return np.asarray(_best_shares(np.ascontiguousarray(coefficients)))
    n = coefficients.shape[1]
    energy = coefficients[:, 1:].astype(np.float64) ** 2
    if n % 2 == 0:
        energy = np.concatenate([energy, np.zeros_like(energy[:, :1])], axis=1)
    pairs = energy.reshape(len(energy), n // 2, 2, -1).sum(axis=2)
    return np.asarray(pairs.max(axis=1).mean(axis=1))


if COMPILED:

    @njit(nogil=True, cache=True)
    def _grid_sums(grid, sign, by_answer, squares):  # type: ignore[no-untyped-def]
        n, m = grid.shape[0], grid.shape[2]
        for i in range(n):
            for j in range(n):
                total, row = by_answer[(i + sign * j + n) % n], grid[i, j]
                for c in range(m):
                    x = np.float64(row[c])
                    total[c] += x
                    squares[c] += x * x

    @njit(nogil=True, cache=True)
    def _best_shares(coefficients):  # type: ignore[no-untyped-def]
        n_shuffles, n, m = coefficients.shape
        out, best = np.empty(n_shuffles), np.empty(m, np.float32)
        for s in range(n_shuffles):
            best[:] = 0
            for at in range(1, n, 2):
                cosine, sine = coefficients[s, at], coefficients[s, min(at + 1, n - 1)]
                paired = np.float32(1.0 if at + 1 < n else 0.0)
                for c in range(m):
                    energy = cosine[c] * cosine[c] + paired * sine[c] * sine[c]
                    best[c] = energy if energy > best[c] else best[c]
            total = 0.0
            for c in range(m):
                total += best[c]
            out[s] = total / m
        return out

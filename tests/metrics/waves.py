"""Activations made of waves, and what is measured of them by plain loops and regressions."""

from collections.abc import Callable

import numpy as np
import torch

from grokking.groups.basis import fourier_basis

Wave = Callable[[np.ndarray, np.ndarray], np.ndarray]


def cosine(n: int, k: int, phase: float = 0.0) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.cos(2 * np.pi * k * x / n + phase)


def grid_of(n: int, *neurons: Wave) -> torch.Tensor:
    """Activations float32 [n, n, m] of functions of the group indices a and b."""
    a, b = np.indices((n, n))
    return torch.from_numpy(np.stack([neuron(a, b) * np.ones((n, n)) for neuron in neurons], axis=-1)).float()


def answers(n: int, sign: int = 1) -> np.ndarray:
    """Group index of a + sign · b, int64 [n²]."""
    a, b = np.indices((n, n))
    return np.asarray((a + sign * b) % n).ravel()


def naive_means(grid: torch.Tensor, sign: int) -> np.ndarray:
    n = len(grid)
    values = grid.double().numpy()
    return np.array(
        [
            np.mean([values[a, b] for a in range(n) for b in range(n) if (a + sign * b) % n == s], axis=0)
            for s in range(n)
        ]
    )


def naive_r2(means: np.ndarray) -> np.ndarray:
    """The R² of the best least-squares sinusoid of one frequency, by regression."""
    n, s = len(means), np.arange(len(means))
    centred = means - means.mean(axis=0)
    best = np.zeros(means.shape[1])
    for k in range(1, n // 2 + 1):
        waves = np.stack([cosine(n, k)(s), cosine(n, k, np.pi / 2)(s)][: 1 if 2 * k == n else 2], axis=1)
        residue = centred - waves @ np.linalg.lstsq(waves, centred, rcond=None)[0]
        best = np.maximum(best, 1 - (residue**2).sum(0) / (centred**2).sum(0))
    return best


def naive_shares(grid: torch.Tensor) -> np.ndarray:
    """Share of the variance in {1, cos, sin} ⊗ {1, cos, sin} of each k, by projection, [n/2, m]."""
    n = len(grid)
    values = grid.double().numpy()
    total = ((values - values.mean(axis=(0, 1))) ** 2).sum(axis=(0, 1))
    basis = fourier_basis(n)
    shares = []
    for k in range(1, n // 2 + 1):
        rows = [basis.rows[0], *basis.rows[basis.rows_of(k)]]
        energy = sum(
            np.einsum("a,b,abm->m", f, g, values) ** 2
            for i, f in enumerate(rows)
            for j, g in enumerate(rows)
            if i or j
        )
        shares.append(energy / total)
    return np.array(shares)

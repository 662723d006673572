"""Neurons as sinusoids (definitions, "Neurons").

``grid`` is float32 [n, n, d_mlp]: activations over the group indices of a and b.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from grokking.engines.threads import shared_workers
from grokking.groups.fourier import fourier_basis
from grokking.metrics.embedding import N_SHUFFLES, NULL_QUANTILE, shuffled_basis
from grokking.metrics.reductions import best_shares, grid_sums
from grokking.metrics.registry import METRICS, NEURONS, Metric, Row, Scope, with_pairs
from grokking.tasks.base import CurveSpec

DEAD_ENERGY = 1e-12
FLAT_SHARE = 1e-12
"""Variance, as a share of the energy, below which a grid of float32 numbers is a constant."""
OWNED_SHARE = 0.85
KEY_SHARE = 0.02
NULL_CHUNK = 400_000
COLUMNS_AT_ONCE = 8192
"""Of a transform: one piece of work."""


def mean_by_answer(grid: Tensor, sign: int) -> np.ndarray:
    """m_j[s]: mean activation over the pairs whose answer has group index s, float64 [n, d_mlp].

    sign: +1 where s = g(a) + g(b), -1 where s = g(a) - g(b).
    """
    by_answer, _ = grid_sums(grid.cpu().numpy(), sign)
    return np.asarray(by_answer / grid.shape[0])


@dataclass(frozen=True)
class SinusoidFit:
    """How well each neuron's mean by answer is one sinusoid.

    r2: float64 [d_mlp], NaN for dead neurons.  frequency: int64 [d_mlp], 0 for dead ones.
    """

    r2: np.ndarray
    frequency: np.ndarray

    @property
    def alive(self) -> np.ndarray:
        """bool [d_mlp]."""
        return self.frequency > 0

    @property
    def fourier_strength(self) -> float | None:
        """Mean R² of the live neurons; None if all are dead."""
        return float(self.r2[self.alive].mean()) if self.alive.any() else None


def fit_sinusoids(means: np.ndarray) -> SinusoidFit:
    """The best single sinusoid of each column of ``means`` (float64 [n, d_mlp])."""
    basis = fourier_basis(len(means))
    energy = basis.energy_per_frequency(basis.transform(means))
    total = ((means - means.mean(axis=0)) ** 2).sum(axis=0)
    alive = total > DEAD_ENERGY
    r2 = np.where(alive, energy.max(axis=0) / np.where(alive, total, 1.0), np.nan)
    return SinusoidFit(np.minimum(r2, 1.0), np.where(alive, energy.argmax(axis=0) + 1, 0))


def fourier_strength_null(means: np.ndarray, n_shuffles: int = N_SHUFFLES) -> float | None:
    """95 % quantile of ``fourier_strength`` when the answers are shuffled; None if all are dead."""
    n = len(means)
    centred = means - means.mean(axis=0)
    total = (centred**2).sum(axis=0)
    alive = total > DEAD_ENERGY
    if not alive.any():
        return None
    unit = torch.from_numpy((centred[:, alive] / np.sqrt(total[alive])).astype(np.float32))
    # A few shuffles to one product: large enough to be fast, small enough to stay in cache.
    at_once = max(1, NULL_CHUNK // (n * unit.shape[1]))
    basis, strengths = shuffled_basis(n, n_shuffles).view(-1, n, n), np.empty(n_shuffles)

    def shuffle(first: int) -> None:
        some = slice(first, first + at_once)
        strengths[some] = best_shares((basis[some].flatten(0, 1) @ unit).view(-1, n, unit.shape[1]).numpy())

    shared_workers().run([partial(shuffle, first) for first in range(0, n_shuffles, at_once)])
    return float(np.quantile(strengths, NULL_QUANTILE))


@dataclass(frozen=True)
class VarianceShares:
    """Which frequency explains each neuron over all pairs (Nanda et al. 2023, section 4.2).

    fve: float64 [d_mlp], the largest share of the variance in the block
    {1, cos, sin} ⊗ {1, cos, sin} of one frequency, without its constant.  frequency: int64
    [d_mlp], that k.  Both are 0 for a neuron that never changes.  by_frequency: float64
    [⌊n/2⌋, d_mlp], the share of every k.
    """

    by_frequency: np.ndarray

    @property
    def fve(self) -> np.ndarray:
        """The largest share of each neuron."""
        return np.asarray(self.by_frequency.max(axis=0))

    @property
    def frequency(self) -> np.ndarray:
        """The frequency of the largest share, 0 where there is no variance."""
        return np.where(self.fve > 0, self.by_frequency.argmax(axis=0) + 1, 0)

    @property
    def owner(self) -> np.ndarray:
        """The frequency that owns each neuron (share > 0.85), 0 where none does."""
        return np.where(self.fve > OWNED_SHARE, self.frequency, 0)


def variance_shares(grid: Tensor) -> VarianceShares:
    """``VarianceShares`` of every neuron from its activation grid."""
    n = len(grid)
    by_answer, squares = grid_sums(grid.cpu().numpy(), +1)
    total = torch.from_numpy(squares - by_answer.sum(axis=0) ** 2 / n**2)
    varies = total > torch.from_numpy(np.maximum(DEAD_ENERGY, FLAT_SHARE * squares))
    energy = _block_energy(grid)
    scale = torch.where(varies, total, torch.inf)
    return VarianceShares((energy / scale).clamp(max=1.0).numpy())


def _block_energy(grid: Tensor) -> Tensor:
    """Energy of neurons [n, n, m] in the block of each frequency, float64 [⌊n/2⌋, m] on the CPU."""
    n, _, m = grid.shape
    basis = fourier_basis(n)
    rows, flat = basis.tensor.to(grid), grid.reshape(n, n * m)
    by_a, energy = torch.empty_like(flat), torch.empty(n // 2, m, dtype=torch.float64)

    def transform(columns: Tensor) -> None:
        some = slice(int(columns[0]), int(columns[-1]) + 1)
        torch.mm(rows, flat[:, some], out=by_a[:, some])

    def block(k: int) -> None:
        own, rest = basis.rows_of(k), by_a.view(n, n, m)
        waves = rows[own] @ rest[own]
        along_a, along_b = rows[own] @ rest[0], torch.einsum("b,fbm->fm", rows[0], rest[own])
        energy[k - 1] = (
            waves.double().square().sum((0, 1))
            + along_a.double().square().sum(0)
            + along_b.double().square().sum(0)
        ).cpu()

    shared_workers().run([partial(transform, part) for part in torch.arange(n * m).split(COLUMNS_AT_ONCE)])
    shared_workers().run([partial(block, k) for k in basis.frequencies])
    return energy


def key_frequencies(shares: VarianceShares) -> list[int]:
    """Frequencies that own at least 2 % of all neurons, most neurons first, then smaller k."""
    d_mlp = shares.by_frequency.shape[1]
    counts = np.bincount(shares.owner, minlength=1 + len(shares.by_frequency))
    found = [k for k in range(1, len(counts)) if counts[k] >= KEY_SHARE * d_mlp]
    return sorted(found, key=lambda k: (-counts[k], k))


def _measure(scope: Scope) -> Row:
    means = mean_by_answer(scope.acts.neuron_grid(scope.pairs), scope.pairs.sign)
    fit = fit_sinusoids(means)
    return {
        "fourier_strength": fit.fourier_strength,
        "fourier_strength_null": fourier_strength_null(means),
        "dead_neurons": int((~fit.alive).sum()),
    }


def _measure_keys(scope: Scope) -> Row:
    return {"key_frequencies": key_frequencies(variance_shares(scope.acts.neuron_grid(scope.pairs)))}


METRICS.register(
    Metric(
        "fourier_strength",
        _measure,
        ("fourier_strength", "fourier_strength_null", "dead_neurons"),
        per_operation=True,
        applies=with_pairs,
        needs=frozenset({NEURONS}),
        table=("fourier_strength",),
        curves=(
            CurveSpec(
                "Fourier strength",
                (
                    ("fourier_strength", "key_frequency", "measured"),
                    ("fourier_strength_null", "null", "95 % of shuffles"),
                ),
            ),
        ),
        rank=30,
    )
)
METRICS.register(
    Metric(
        "key_frequencies",
        _measure_keys,
        ("key_frequencies",),
        per_operation=True,
        applies=with_pairs,
        needs=frozenset({NEURONS}),
        table=("key_frequencies",),
        rank=50,
    )
)

"""Neurons as sinusoids, or as functions of one block (definitions, "Neurons").

``grid`` is float32 [n, n, d_mlp]: activations over the group indices of a and b. ``basis`` is that of the
functions on the group, the Fourier basis of Z_n where none is given; "frequency" k is then its block k, and
for other groups the number of a block.
"""

from dataclasses import dataclass
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from grokking.engines.threads import shared_workers
from grokking.groups.basis import BlockBasis, fourier_basis
from grokking.metrics.activations import ActivationCache
from grokking.metrics.block_names import block_names, column_name, with_blocks, with_frequencies
from grokking.metrics.reductions import best_shares, grid_sums
from grokking.metrics.registry import METRICS, NEURONS, Metric, Row, Scope, with_pairs
from grokking.metrics.shuffles import N_SHUFFLES, NULL_QUANTILE, ShuffledBasis
from grokking.tasks.base import CurveSpec

DEAD_ENERGY = 1e-12
FLAT_SHARE = 1e-12
"""Variance, as a share of the energy, below which a grid of float32 numbers is a constant."""
OWNED_SHARE = 0.85
KEY_SHARE = 0.02
NULL_CHUNK = 400_000
COLUMNS_AT_ONCE = 8192
"""Of a transform: one piece of work."""
LARGEST_TRANSFORM = 2**26
"""Numbers that are transformed together: 256 MB."""
TRANSFORM_PART = 2**24
"""Numbers that are transformed together of a grid that is larger."""
_shares: WeakKeyDictionary[ActivationCache, dict[str, "VarianceShares"]] = WeakKeyDictionary()


def mean_by_answer(
    grid: Float[Tensor, "n n d_mlp"], s: Int64[np.ndarray, "n*n"]
) -> Float64[np.ndarray, "n d_mlp"]:
    """m_j[s]: mean activation over the pairs whose answer has group index s, float64 [n, d_mlp].

    s: int64 [n²], ``GroupGrid.s``.
    """
    by_answer, _ = grid_sums(grid.cpu().numpy(), s)
    return np.asarray(by_answer / grid.shape[0])


@dataclass(frozen=True)
class SinusoidFit:
    """How well each neuron's mean by answer is one sinusoid, or lies in one block.

    r2: float64 [d_mlp], NaN for dead neurons.  frequency: int64 [d_mlp], of the best; 0 for dead ones.
    """

    r2: Float64[np.ndarray, "d_mlp"]
    frequency: Int64[np.ndarray, "d_mlp"]

    @property
    def alive(self) -> Bool[np.ndarray, "d_mlp"]:
        """bool [d_mlp]."""
        return self.frequency > 0

    @property
    def fourier_strength(self) -> float | None:
        """Mean R² of the live neurons; None if all are dead."""
        return float(self.r2[self.alive].mean()) if self.alive.any() else None


def fit_sinusoids(means: Float64[np.ndarray, "n d_mlp"], basis: BlockBasis | None = None) -> SinusoidFit:
    """The best single sinusoid, or block, of each column of ``means`` (float64 [n, d_mlp])."""
    basis = basis or fourier_basis(len(means))
    energy = basis.energy_per_block(basis.transform(means))
    total = ((means - means.mean(axis=0)) ** 2).sum(axis=0)
    alive = total > DEAD_ENERGY
    r2 = np.where(alive, energy.max(axis=0) / np.where(alive, total, 1.0), np.nan)
    return SinusoidFit(np.minimum(r2, 1.0), np.where(alive, energy.argmax(axis=0) + 1, 0))


def fourier_strength_null(
    means: Float64[np.ndarray, "n d_mlp"], n_shuffles: int = N_SHUFFLES, basis: BlockBasis | None = None
) -> float | None:
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
    basis = basis or fourier_basis(n)
    shuffled, starts, strengths = ShuffledBasis(basis, n_shuffles), basis.starts, np.empty(n_shuffles)

    def shuffle(first: int) -> None:
        some = slice(first, first + at_once)
        coefficients = (shuffled[some].flatten(0, 1) @ unit).view(-1, n, unit.shape[1])
        strengths[some] = best_shares(coefficients.numpy(), starts)

    shared_workers().run([partial(shuffle, first) for first in range(0, n_shuffles, at_once)])
    return float(np.quantile(strengths, NULL_QUANTILE))


@dataclass(frozen=True)
class VarianceShares:
    """Which frequency explains each neuron over all pairs (Nanda et al. 2023, section 4.2).

    fve: float64 [d_mlp], the largest share of the variance in {1, cos, sin} ⊗ {1, cos, sin} of one frequency,
    without its constant; of another group, in {1, block} ⊗ {1, block}.  frequency: int64 [d_mlp], that k or
    block.  Both are 0 for a neuron that never changes.  by_frequency: float64 [n_blocks - 1, d_mlp], the
    share of every k, [⌊n/2⌋, d_mlp], or block.
    """

    by_frequency: Float64[np.ndarray, "blocks d_mlp"]

    @property
    def fve(self) -> Float64[np.ndarray, "d_mlp"]:
        """The largest share of each neuron."""
        return np.asarray(self.by_frequency.max(axis=0))

    @property
    def frequency(self) -> Int64[np.ndarray, "d_mlp"]:
        """The frequency of the largest share, 0 where there is no variance."""
        return np.where(self.fve > 0, self.by_frequency.argmax(axis=0) + 1, 0)

    @property
    def owner(self) -> Int64[np.ndarray, "d_mlp"]:
        """The frequency that owns each neuron (share > 0.85), 0 where none does."""
        return np.where(self.fve > OWNED_SHARE, self.frequency, 0)


def variance_shares(grid: Float[Tensor, "n n d_mlp"], basis: BlockBasis | None = None) -> VarianceShares:
    """``VarianceShares`` of every neuron from its activation grid."""
    n = len(grid)
    basis = basis or fourier_basis(n)
    # Whatever the group, sums over the cells of a cyclic table add up to the sum over all pairs.
    by_answer, squares = grid_sums(grid.cpu().numpy(), np.add.outer(np.arange(n), np.arange(n)) % n)
    total = torch.from_numpy(squares - by_answer.sum(axis=0) ** 2 / n**2)
    varies = total > torch.from_numpy(np.maximum(DEAD_ENERGY, FLAT_SHARE * squares))
    # A large grid in parts, so that its transform takes no more memory than a part.
    at_once = grid.shape[2] if grid.numel() <= LARGEST_TRANSFORM else max(1, TRANSFORM_PART // n**2)
    energy = torch.cat([_block_energy(part, basis) for part in grid.split(at_once, dim=2)], dim=1)
    scale = torch.where(varies, total, torch.inf)
    return VarianceShares((energy / scale).clamp(max=1.0).numpy())


def _block_energy(grid: Float[Tensor, "n n m"], basis: BlockBasis) -> Float64[Tensor, "blocks m"]:
    """Energy of neurons [n, n, m] in {1, block} ⊗ {1, block} less its constant: float64 [n_blocks - 1, m]."""
    n, _, m = grid.shape
    rows, flat = basis.tensor.to(grid), grid.reshape(n, n * m)
    by_a, energy = torch.empty_like(flat), torch.empty(basis.n_blocks - 1, m, dtype=torch.float64)

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
    shared_workers().run([partial(block, k) for k in range(1, basis.n_blocks)])
    return energy


def shares_of(scope: Scope) -> VarianceShares:
    """``variance_shares`` of a network in an operation; the metrics of one row share the result."""
    held, operation = _shares.setdefault(scope.acts, {}), scope.operation
    if operation not in held:
        grid = scope.acts.neuron_grid(scope.pairs)
        held[operation] = variance_shares(grid, scope.pairs.group.basis)
    return held[operation]


def keys_of(scope: Scope) -> list[int]:
    """``key_frequencies`` of the scope's own network."""
    return key_frequencies(shares_of(scope))


def key_frequencies(shares: VarianceShares) -> list[int]:
    """Frequencies, or blocks, that own at least 2 % of all neurons, most neurons first, then smaller k."""
    d_mlp = shares.by_frequency.shape[1]
    counts = np.bincount(shares.owner, minlength=1 + len(shares.by_frequency))
    found = [k for k in range(1, len(counts)) if counts[k] >= KEY_SHARE * d_mlp]
    return sorted(found, key=lambda k: (-counts[k], k))


def _measure(scope: Scope) -> Row:
    pairs, basis = scope.pairs, scope.pairs.group.basis
    means = mean_by_answer(scope.acts.neuron_grid(pairs), pairs.s)
    fit = fit_sinusoids(means, basis)
    return {
        "fourier_strength": fit.fourier_strength,
        "fourier_strength_null": fourier_strength_null(means, basis=basis),
        "dead_neurons": int((~fit.alive).sum()),
    }


def _measure_keys(scope: Scope) -> Row:
    group = scope.pairs.group
    return {column_name("key_frequencies", group): block_names(group, keys_of(scope))}


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
        applies=with_frequencies,
        needs=frozenset({NEURONS}),
        table=("key_frequencies",),
        rank=50,
    )
)
METRICS.register(
    Metric(
        "key_blocks",
        _measure_keys,
        ("key_blocks",),
        per_operation=True,
        applies=with_blocks,
        needs=frozenset({NEURONS}),
        table=("key_blocks",),
        rank=50,
    )
)

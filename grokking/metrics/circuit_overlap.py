"""How far the circuits of several operations are one: the neurons and the directions that they share.

Two operations read the same numbers, and may read them by different groups: a wave over residues and
one over discrete logarithms are nearly orthogonal as functions of the token (their squared cosine is
about 1/p), so sharing cannot be seen there. It can be seen in the neurons, and in the directions of the
residual stream along which the embedding writes the waves.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float64

from grokking.groups.basis import fourier_basis
from grokking.groups.cyclic import CyclicGroup
from grokking.metrics.activations import ActivationCache
from grokking.metrics.neurons import VarianceShares

NONE = "none"
RANK_TOLERANCE = 1e-6
"""Singular values below this share of the largest one span no direction."""


def single_frequency_share(shares: VarianceShares, alive: Bool[np.ndarray, "d_mlp"]) -> float | None:
    """Share of the live neurons that one frequency owns (``neuron_fve`` > 0.85); None if all are dead.

    alive: bool [d_mlp], as ``SinusoidFit.alive``.
    """
    return float((shares.owner[alive] > 0).mean()) if alive.any() else None


def serving_name(operations: Sequence[str]) -> str:
    """``"add+mul"``; ``"none"`` for no operation."""
    return "+".join(operations) or NONE


def neurons_serving(
    owned: Mapping[str, Bool[np.ndarray, "d_mlp"]], alive: Bool[np.ndarray, "d_mlp"]
) -> dict[str, float | None]:
    """Shares of the live neurons by the set of operations that they serve; they sum to 1.

    A neuron serves an operation if one frequency of its group owns it there. owned: bool [d_mlp] by
    operation.  alive: bool [d_mlp], in any operation; None for every share if all are dead.
    """
    names = list(owned)
    serves = np.stack([owned[name][alive] for name in names], axis=1)
    found: dict[str, float | None] = {}
    for size in range(len(names) + 1):
        for chosen in combinations(range(len(names)), size):
            exactly = (serves == np.isin(np.arange(len(names)), chosen)).all(axis=1)
            name = serving_name([names[i] for i in chosen])
            found[name] = float(exactly.mean()) if alive.any() else None
    return found


# Directions of the embedding


def token_waves(group: CyclicGroup, k: int) -> Float64[np.ndarray, "p waves"]:
    """Cosine and sine of frequency k as functions of the token: float64 [p, 2], or [p, 1] at k = n/2.

    Zero at residues outside the group.
    """
    basis = fourier_basis(group.order)
    waves = np.zeros((group.p, basis.rows[basis.rows_of(k)].shape[0]))
    waves[group.members] = basis.rows[basis.rows_of(k)].T
    return waves


Keys = Mapping[str, tuple[CyclicGroup, Sequence[int]]]
"""Group and frequencies by operation."""
Directions = dict[str, dict[int, np.ndarray]]


def wave_directions(rows: Float64[np.ndarray, "p d_model"], keys: Keys) -> Directions:
    """What W_E writes for each wave: by operation and frequency, float64 [2, d_model] ([1, …] at n/2).

    rows: float64 [p, d_model], the number tokens.  All waves are fitted at once, with a constant, by
    least squares: so a wave of one group takes up nothing of another's.
    """
    where = [(name, k) for name, (_, frequencies) in keys.items() for k in frequencies]
    waves = [token_waves(keys[name][0], k) for name, k in where]
    design = np.concatenate([np.ones((len(rows), 1)), *waves], axis=1)
    fitted = np.linalg.lstsq(design, rows, rcond=None)[0][1:]
    found: Directions = {name: {} for name in keys}
    at = 0
    for (name, k), wave in zip(where, waves, strict=True):
        found[name][k] = fitted[at : at + wave.shape[1]]
        at += wave.shape[1]
    return found


def directions_of(acts: ActivationCache, keys: Keys) -> Directions:
    """``wave_directions`` of a network; operations with numbers of their own are fitted apart."""
    if not acts.task.separate:
        return wave_directions(acts.number_rows(acts.task.names[0]), keys)
    return {name: wave_directions(acts.number_rows(name), {name: keys[name]})[name] for name in keys}


def shared_energy(directions: Directions, operation: str, other: str) -> dict[int, float]:
    """Share of the energy of each of ``operation``'s waves along directions that ``other`` writes to.

    1 where ``other`` uses the same directions, 0 where none of them; empty where either has no wave.
    """
    if not directions[other]:
        return {}
    span = row_space(list(directions[other].values()))
    found = {}
    for k, plane in directions[operation].items():
        energy = float((plane**2).sum())
        found[k] = float(((plane @ span.T) ** 2).sum()) / energy if energy > 0 else 0.0
    return found


def shared_by_chance(directions: Directions, other: str) -> float | None:
    """What ``shared_energy`` is on average for a wave written in a random direction: rank / d_model."""
    if not directions[other]:
        return None
    span = row_space(list(directions[other].values()))
    return span.shape[0] / span.shape[1]


def row_space(planes: Sequence[Float64[np.ndarray, "_ d_model"]]) -> Float64[np.ndarray, "rank d_model"]:
    """Orthonormal rows, float64 [rank, d_model], that span all rows of the planes, at least one."""
    _, values, directions = np.linalg.svd(np.concatenate(planes), full_matrices=False)
    return np.asarray(directions[values > RANK_TOLERANCE * max(values.max(), np.finfo(float).tiny)])

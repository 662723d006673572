"""The embedding by blocks of functions on the group, and as circles (definitions, "Embedding").

``embedding`` arguments are float64 [n, d_model]: the group's members in group order, centred over them
(``ActivationCache.embedding``). ``basis`` is that of the functions on the group, the Fourier basis of Z_n
where none is given; its block k is then frequency k. Circles are for cyclic groups alone: elsewhere a block
has d² rows and no plane of its own.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from grokking.engines.threads import shared_workers
from grokking.groups.basis import BlockBasis, fourier_basis
from grokking.metrics.block_names import block_names, column_name, with_blocks, with_frequencies
from grokking.metrics.registry import EMBEDDING, METRICS, Metric, Row, Scope, rounded, with_pairs
from grokking.metrics.shuffles import N_SHUFFLES, NULL_QUANTILE, ShuffledBasis

SHUFFLES_AT_ONCE = 25
"""Shuffles that are one piece of work."""


def frequency_energy(
    embedding: Float64[np.ndarray, "n d_model"], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "blocks"]:
    """Energy in each block, float64 [n_blocks - 1], entry i for block i + 1, for frequency i + 1."""
    basis = basis or fourier_basis(len(embedding))
    return np.asarray(basis.energy_per_block(basis.transform(embedding)).sum(axis=1))


def frequency_share(
    embedding: Float64[np.ndarray, "n d_model"], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "blocks"]:
    """``frequency_energy`` over its sum; zeros where there is no energy at all."""
    energy = frequency_energy(embedding, basis)
    return energy / max(energy.sum(), np.finfo(float).tiny)


def dominant_frequency(embedding: Float64[np.ndarray, "n d_model"], basis: BlockBasis | None = None) -> int:
    """The k of the largest share, or the number of that block; the smaller one of equals."""
    return int(frequency_energy(embedding, basis).argmax()) + 1


def dominant_circle(
    embedding: Float64[np.ndarray, "n d_model"], basis: BlockBasis | None = None
) -> int | None:
    """The dominant frequency among those with a circle (k < n/2); None if n < 3 or no circles exist."""
    n_circles = len((basis or fourier_basis(len(embedding))).paired_frequencies)
    return int(frequency_energy(embedding)[:n_circles].argmax()) + 1 if n_circles else None


def gini_coefficient(values: Float[np.ndarray, "*batch m"]) -> Float[np.ndarray, "*batch"]:
    """Gini coefficient Σ_i Σ_j |x_i - x_j| / (2 m² mean) over the last axis of [..., m] values >= 0."""
    x = np.sort(values, axis=-1)
    m = x.shape[-1]
    weight = 2 * np.arange(1, m + 1) - m - 1
    return np.asarray((x * weight).sum(-1) / (m * np.maximum(x.sum(-1), np.finfo(float).tiny)))


def gini(embedding: Float64[np.ndarray, "n d_model"], basis: BlockBasis | None = None) -> float:
    """Gini coefficient of the norms per frequency, or per block, of the embedding."""
    return float(gini_coefficient(np.sqrt(frequency_energy(embedding, basis))))


def circle_plane(embedding: Float64[np.ndarray, "n d_model"], k: int) -> Float64[np.ndarray, "2 d_model"]:
    """û, v̂ of frequency k: unit rows float64 [2, d_model].

    Raises ValueError where k has no sine (k = n/2) or does not exist.
    """
    basis = fourier_basis(len(embedding))
    if k not in basis.paired_frequencies:
        raise ValueError(
            f"frequency {k} of Z_{basis.n} has no circle; accepted: 1 … {len(basis.paired_frequencies)}"
        )
    plane = basis.rows[basis.rows_of(k)] @ embedding
    return plane / np.maximum(np.linalg.norm(plane, axis=1, keepdims=True), np.finfo(float).tiny)


def circle_coordinates(embedding: Float64[np.ndarray, "n d_model"], k: int) -> Float64[np.ndarray, "n 2"]:
    """Where each token lies on the circle of frequency k: float64 [n, 2], in units of W_E."""
    return embedding @ circle_plane(embedding, k).T


def circularity(coordinates: Float[np.ndarray, "*batch n 2"]) -> Float[np.ndarray, "*batch"]:
    """1 - std(r)/mean(r), clipped to [0, 1], of points [..., n, 2] about their centroid."""
    r = np.linalg.norm(coordinates - coordinates.mean(axis=-2, keepdims=True), axis=-1)
    return np.asarray(np.clip(1 - r.std(-1) / np.maximum(r.mean(-1), np.finfo(float).tiny), 0, 1))


def embedding_circularity(embedding: Float64[np.ndarray, "n d_model"], k: int | None = None) -> float | None:
    """Circularity at frequency k, at the dominant circle's if not given; None if there is no circle."""
    k = dominant_circle(embedding) if k is None else k
    return None if k is None else float(circularity(circle_coordinates(embedding, k)))


@dataclass(frozen=True)
class EmbeddingNulls:
    """95 % quantiles over shuffles of the tokens, the frequency chosen anew for each.

    circularity: None where the group has no circle.
    """

    circularity: float | None
    gini: float


def embedding_nulls(
    embedding: Float64[np.ndarray, "n d_model"], n_shuffles: int = N_SHUFFLES, basis: BlockBasis | None = None
) -> EmbeddingNulls:
    """What the same statistics give when the tokens are shuffled (seeded, so repeatable)."""
    basis = basis or fourier_basis(len(embedding))
    points = torch.from_numpy(embedding.astype(np.float32))
    shuffled = ShuffledBasis(basis, n_shuffles)
    scores = np.full((2, n_shuffles), np.nan)

    def shuffle(first: int) -> None:
        some = slice(first, first + SHUFFLES_AT_ONCE)
        scores[:, some] = _scores_of_shuffles(points, shuffled[some], basis)

    shared_workers().run([partial(shuffle, first) for first in range(0, n_shuffles, SHUFFLES_AT_ONCE)])
    circularity_null, gini_null = np.quantile(scores, NULL_QUANTILE, axis=1).tolist()
    return EmbeddingNulls(circularity_null if basis.paired_frequencies else None, gini_null)


def _scores_of_shuffles(
    points: Float32[Tensor, "n d_model"], shuffled: Float32[Tensor, "shuffles n n"], basis: BlockBasis
) -> tuple[Float[np.ndarray, "shuffles"], Float[np.ndarray, "shuffles"]]:
    """Circularity (NaN if no frequency has a circle) and Gini coefficient of each shuffle.

    points: float32 [n, d_model].  shuffled: rows of the basis, float32 [shuffles, n, n].
    """
    n = len(points)
    coefficients = (shuffled.flatten(0, 1) @ points).view(len(shuffled), n, -1).numpy()
    energy = basis.energy_per_block(np.moveaxis(coefficients, 1, 0)).sum(-1).T
    ginis = gini_coefficient(np.sqrt(energy))
    n_circles = len(basis.paired_frequencies)
    if not n_circles:
        return np.full(len(shuffled), np.nan), ginis
    k = energy[:, :n_circles].argmax(1) + 1
    planes = coefficients[np.arange(len(shuffled))[:, None], np.stack([2 * k - 1, 2 * k], axis=1)]
    planes /= np.maximum(np.linalg.norm(planes, axis=2, keepdims=True), np.finfo(np.float32).tiny)
    # A shuffle only renames the points, and circularity does not read names.
    projected = points @ torch.from_numpy(planes).flatten(0, 1).T
    return circularity(np.moveaxis(projected.view(n, -1, 2).numpy(), 0, 1)), ginis


def _measure(scope: Scope) -> Row:
    group, embedding = scope.pairs.group, scope.acts.embedding(scope.operation)
    nulls = embedding_nulls(embedding, basis=group.basis)
    return {
        "embedding_circularity": embedding_circularity(embedding) if group.is_cyclic else None,
        "embedding_circularity_null": nulls.circularity,
        "gini": gini(embedding, group.basis),
        "gini_null": nulls.gini,
    }


def _measure_dominant(scope: Scope) -> Row:
    group = scope.pairs.group
    dominant = dominant_frequency(scope.acts.embedding(scope.operation), group.basis)
    return {column_name("dominant_frequency", group): block_names(group, [dominant])[0]}


def _measure_shares(scope: Scope) -> Row:
    return {"frequency_share": rounded(frequency_share(scope.acts.embedding(scope.operation)))}


METRICS.register(
    Metric(
        "embedding",
        _measure,
        ("embedding_circularity", "embedding_circularity_null", "gini", "gini_null"),
        per_operation=True,
        applies=with_pairs,
        needs=frozenset({EMBEDDING}),
        table=("embedding_circularity", "gini"),
        rank=40,
    )
)
for name, applies in (("dominant_frequency", with_frequencies), ("dominant_block", with_blocks)):
    METRICS.register(
        Metric(
            name,
            _measure_dominant,
            (name,),
            per_operation=True,
            applies=applies,
            needs=frozenset({EMBEDDING}),
            rank=45,
        )
    )
METRICS.register(
    Metric(
        "frequency_share",
        _measure_shares,
        ("frequency_share",),
        per_operation=True,
        applies=with_frequencies,
        needs=frozenset({EMBEDDING}),
        rank=60,
    )
)

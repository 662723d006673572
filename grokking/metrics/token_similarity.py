"""Which tokens the embedding holds alike, and what a group says of that (definitions, "Figures alone").

``embedding`` is float64 [n, d_model], centred over the tokens. Tokens are alike as a representation ρ says if
the products E[x]·E[y] follow its trace χ_ρ(x·y⁻¹), and as a partition says if tokens of one part (a conjugacy
class, a coset) lie together.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from grokking.groups.base import Group
from grokking.metrics.shuffles import N_SHUFFLES, NULL_QUANTILE, permutations_of

TINY = np.finfo(float).tiny
SHUFFLES_AT_ONCE = 20


@dataclass(frozen=True)
class WithNull:
    """A number, and the 95 % quantile of the same over 200 seeded shuffles of the tokens."""

    value: float
    null: float


def token_cosines(embedding: Float64[np.ndarray, "n d_model"]) -> Float64[np.ndarray, "n n"]:
    """Cosine between every two tokens' rows, float64 [n, n]; 0 for a row of zeros."""
    unit = embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), TINY)
    return np.asarray(unit @ unit.T)


def traces(group: Group, block: int) -> Float64[np.ndarray, "n n"]:
    """χ(x·y⁻¹) over χ(1), float64 [n, n], of a block's real character: 1 on the diagonal."""
    character = group.block_characters[block]
    return np.asarray(character[group.table[:, group.inverses]] / character[group.identity])


def trace_similarity(embedding: Float64[np.ndarray, "n d_model"], group: Group, block: int) -> WithNull:
    """Cosine, over all pairs of tokens, between E[x]·E[y] and χ(x·y⁻¹) of a block.

    The traces are the block's projector up to a factor, so the inner product is the energy of E in the block.
    """
    rows = group.basis.rows[group.basis.rows_of(block)]
    scale = max(float(np.linalg.norm(embedding.T @ embedding)) * len(rows) ** 0.5, TINY)
    value = float(((rows @ embedding) ** 2).sum()) / scale
    found = [
        ((rows[:, some].transpose(1, 0, 2) @ embedding) ** 2).sum(axis=(1, 2)) for some in _shuffles(group)
    ]
    return WithNull(value, float(np.quantile(np.concatenate(found) / scale, NULL_QUANTILE)))


def partition_share(embedding: Float64[np.ndarray, "n d_model"], part_of: Int64[np.ndarray, "n"]) -> WithNull:
    """Share of the energy of E in the means of the parts; part_of: int64 [n], the part of each token."""
    total = max(float((embedding**2).sum()), TINY)
    indicators = np.zeros((int(part_of.max()) + 1, len(part_of)))
    indicators[part_of, np.arange(len(part_of))] = 1
    indicators /= np.sqrt(indicators.sum(axis=1, keepdims=True))
    value = float(((indicators @ embedding) ** 2).sum()) / total
    found = [
        ((indicators @ embedding[order]) ** 2).sum() / total
        for order in permutations_of(len(part_of), N_SHUFFLES)
    ]
    return WithNull(value, float(np.quantile(found, NULL_QUANTILE)))


def _shuffles(group: Group) -> list[Int64[np.ndarray, "some n"]]:
    """The seeded permutations of the tokens, a few at a time."""
    every = permutations_of(group.order, N_SHUFFLES)
    return [every[at : at + SHUFFLES_AT_ONCE] for at in range(0, N_SHUFFLES, SHUFFLES_AT_ONCE)]

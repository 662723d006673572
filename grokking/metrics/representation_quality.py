"""How far embeddings add up as their numbers do (definitions, "Representation quality").

Where i + j = m + n in the group, a representation of its structure in the sense of Liu et al. 2022 (arXiv
2205.10343, section 3) has E_i + E_j = E_m + E_n: the four make a parallelogram.
"""

import numpy as np
from jaxtyping import Float64, Int64

from grokking.metrics.block_names import with_frequencies
from grokking.metrics.registry import EMBEDDING, METRICS, PROGRESS, Metric, Row, Scope

COLUMNS = ("representation_quality", "parallelogram_error")
TOLERANCE = 0.1
"""Of the distance that a parallelogram of random embeddings leaves open."""


def parallelograms(
    embedding: Float64[np.ndarray, "n d_model"], sign: int = 1
) -> tuple[float, float] | tuple[None, None]:
    """Share of parallelograms that close within a tenth of a random one's gap, and the typical gap.

    embedding: centred over the tokens, in the order of a cyclic group.  sign: -1 for E_i - E_j = E_m -
    E_n. The gap is the root mean square of |E_i ± E_j - E_m ∓ E_n|, over what it is for unrelated
    embeddings: 1 for random ones, 0 for numbers on a line. None, None if all embeddings are equal.
    """
    typical = 4 * float((embedding**2).sum(axis=1).mean())
    if typical == 0:
        return None, None
    n, gaps = len(embedding), []
    for s in range(n):
        i, j = _pairs(n, s, sign)
        gaps.append(_squared_distances(embedding[i] + sign * embedding[j]))
    relative = np.concatenate(gaps) / typical
    return float((relative <= TOLERANCE**2).mean()), float(np.sqrt(relative.mean()))


def _pairs(n: int, s: int, sign: int) -> tuple[Int64[np.ndarray, "m"], Int64[np.ndarray, "m"]]:
    """Pairs i ≠ j of one answer s; of a sum, which does not tell i + j from j + i, with i < j."""
    i = np.arange(n)
    j = (s - i) % n if sign > 0 else (i - s) % n
    chosen = i < j if sign > 0 else i != j
    return i[chosen], j[chosen]


def _squared_distances(points: Float64[np.ndarray, "m d_model"]) -> Float64[np.ndarray, "pairs"]:
    """Of every two different points, float64 [m (m - 1) / 2]."""
    squares = (points**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * points @ points.T
    return np.maximum(distances[np.triu_indices(len(points), 1)], 0.0)


def _measure(scope: Scope) -> Row:
    found = parallelograms(scope.acts.embedding(scope.operation), scope.pairs.sign)
    return dict(zip(COLUMNS, found, strict=True))


METRICS.register(
    Metric(
        "representation_quality",
        _measure,
        COLUMNS,
        per_operation=True,
        applies=with_frequencies,
        when=PROGRESS,
        needs=frozenset({EMBEDDING}),
        table=COLUMNS,
        goals={COLUMNS[0]: 1.0, COLUMNS[1]: 0.0},
        rank=88,
    )
)

"""Pairs in an order that is kind to the caches, cut into tiles and dealt out to threads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from grokking.engines.numba.tables import row_width
from grokking.models.transformer import ModelShape

if TYPE_CHECKING:  # teams need numba, pairs in their order do not
    from grokking.engines.numba.thread_team import ThreadTeam

TILE = 128
"""Pairs per tile: their scratch memory then takes 0.6 MiB at the default widths."""

GROUP = 32
"""Values of b that pairs keep to before they move on, so that their table rows stay in cache."""


class PairTable:
    """Pairs as the kernels want them.

    tokens: int64 [N, 3].  order: where row i of this table stands in ``tokens``; by operation,
    group of b, a, b.  rows: int32 [N, 2], table rows of the operands.  operation: int64 [N].
    """

    def __init__(self, shape: ModelShape, tokens: np.ndarray) -> None:
        group = tokens[:, 1] // GROUP
        self.order = np.lexsort((tokens[:, 1], tokens[:, 0], group, tokens[:, 2]))
        tokens = tokens[self.order]
        self.rows = np.ascontiguousarray(tokens[:, :2] + [0, shape.n_numbers], dtype=np.int32)
        self.operation = tokens[:, 2] - shape.n_numbers

    def __len__(self) -> int:
        return len(self.rows)

    def shards(self, n: int) -> list[np.ndarray]:
        """``n`` contiguous portions of nearly equal size, each as tiles int64 [T, 3].

        A tile is (operation, first pair, last pair + 1) and holds pairs of one operation.
        """
        operation_edges = np.flatnonzero(np.diff(self.operation)) + 1
        portion_edges = [round(i * len(self) / n) for i in range(n + 1)]
        cuts = np.unique(np.concatenate([operation_edges, portion_edges]))
        shards: list[list[tuple[int, int, int]]] = [[] for _ in range(n)]
        for start, stop in zip(cuts[:-1].tolist(), cuts[1:].tolist(), strict=True):
            shard = np.searchsorted(portion_edges, start, side="right") - 1
            shards[shard] += [
                (int(self.operation[at]), at, min(at + TILE, stop)) for at in range(start, stop, TILE)
            ]
        return [np.array(shard, dtype=np.int64).reshape(-1, 3) for shard in shards]


class LabelledPairs(NamedTuple):
    """Pairs with what is expected of them, in the order of a ``PairTable``.

    rows: int32 [N, 2].  answers: int64 [N].  weight: float64 [N], of each pair in the loss.
    loss: what is minimised, by its code in ``engines.numba.tables.COMPILED_LOSSES``.
    """

    rows: np.ndarray
    answers: np.ndarray
    weight: np.ndarray
    loss: int = 0


class Scratch(NamedTuple):
    """Memory of one thread for one tile of n pairs.

    weights: [n, 2 · H], attention.  at: int64 [n, 2 · H], the rows that they weigh.
    out, d_out: [n, W], neurons and logits in the columns of the tables.
    """

    weights: np.ndarray
    at: np.ndarray
    out: np.ndarray
    d_out: np.ndarray


def new_scratch(shape: ModelShape) -> Scratch:
    """Scratch memory that begins on cache lines, as torch's memory does; all zero."""
    terms, width = 2 * shape.n_heads, row_width(shape)
    at = torch.zeros(TILE, terms, dtype=torch.int64).numpy()
    weights, out, d_out = (torch.zeros(TILE, n).numpy() for n in (terms, width, width))
    return Scratch(weights, at, out, d_out)


def partition(
    table: PairTable, team: "Sequence[ThreadTeam]", shape: ModelShape
) -> "list[tuple[ThreadTeam, np.ndarray, Scratch]]":
    """What each thread of a team works with: its place, its shard of the tiles, scratch of its own."""
    shards = table.shards(len(team))
    return [(place, tiles, new_scratch(shape)) for place, tiles in zip(team, shards, strict=True)]

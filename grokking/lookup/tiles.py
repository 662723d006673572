"""Pairs in an order that is kind to the caches, cut into tiles and dealt out to threads."""

import numpy as np
import torch

from grokking.lookup.tables import padded
from grokking.model import ModelShape

TILE = 128
"""Pairs per tile: their scratch memory then takes 0.6 MiB at the default widths."""

BLOCK = 32
"""Values of b that pairs keep to before they move on, so that their table rows stay in cache."""


class PairTable:
    """Pairs as the kernels want them.

    tokens: int64 [N, 3].  order: where row i of this table stands in ``tokens``; by operation,
    block of b, a, b.  rows: int32 [N, 2], table rows of the operands.  operation: int64 [N].
    """

    def __init__(self, shape: ModelShape, tokens: np.ndarray) -> None:
        block = tokens[:, 1] // BLOCK
        self.order = np.lexsort((tokens[:, 1], tokens[:, 0], block, tokens[:, 2]))
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


class TileBuffers:
    """Scratch memory of one thread; logits have padded rows, of which the first C count."""

    def __init__(self, shape: ModelShape) -> None:
        n_logits = padded(shape.n_classes)
        self._tensors = (
            torch.empty(TILE, 2, shape.n_heads),
            torch.empty(TILE, shape.d_mlp),
            torch.empty(TILE, n_logits),
            torch.empty(TILE, shape.d_mlp),
            torch.zeros(TILE, n_logits),
        )

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Attention weights, hidden, logits, d_hidden, d_logits; torch's memory is line-aligned."""
        return tuple(t.numpy() for t in self._tensors)

"""Loss and gradient through the look-up tables, by hand, in tiles that stay in cache."""

from functools import partial

import numpy as np

from grokking.lookup.blas import SGEMM
from grokking.lookup.tables import TableBuilder, Tables
from grokking.lookup.tileloops import gradient_of_tiles
from grokking.lookup.tiles import PairTable, TileBuffers
from grokking.lookup.workers import Workers
from grokking.training.data import TrainPairs
from grokking.training.parameters import Parameters


class _Shard:
    """One thread's tiles, scratch memory and sums."""

    def __init__(self, tiles: np.ndarray, scratch: TileBuffers, grad: Tables) -> None:
        self.tiles, self.grad = tiles, grad
        self.scratch, self.d_parts = scratch.arrays(), grad.arrays()
        self.loss = 0.0


class CompiledGradient:
    """The engine ``compiled``: needs numba, a CPU and a foldable model.

    Every thread sums over its own shard and the sums are added in a fixed order, so the bits depend
    on the number of threads and on nothing else that varies between two calls.
    """

    name = "compiled"

    def __init__(self, parameters: Parameters, pairs: TrainPairs, workers: Workers) -> None:
        shape = parameters.shape
        self.parameters, self.workers = parameters, workers
        self.table = PairTable(shape, pairs.tokens)
        self.answers = pairs.answers[self.table.order]
        self.weight = pairs.weight[self.table.order]
        self.builder = TableBuilder(shape, parameters.weights, workers.run)
        self.parts = self.builder.tables.arrays()
        self.shards = [
            _Shard(tiles, TileBuffers(shape), self.builder.tables.zeros_like())
            for tiles in self.table.shards(workers.n)
        ]

    def loss_and_gradient(self) -> float:
        """The train loss of the current weights; writes ``parameters.gradient``."""
        self.builder.build()
        self.workers.run([partial(self._sum, shard) for shard in self.shards])
        total = self.shards[0].grad
        for shard in self.shards[1:]:
            for into, part in zip(total.parts(), shard.grad.parts(), strict=True):
                into += part
        for name, gradient in self.builder.backward(total).items():
            self.parameters.gradient[name].copy_(gradient)
        return sum(shard.loss for shard in self.shards)

    def _sum(self, shard: _Shard) -> None:
        shard.loss = gradient_of_tiles(
            SGEMM, shard.tiles, self.table.rows, self.answers, self.weight, self.parts,
            shard.d_parts, shard.scratch,
        )

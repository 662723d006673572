"""Updates through the look-up tables, gradient by hand, in tiles that stay in cache."""

from functools import partial

import numpy as np

from grokking.engines.numba.blas import SGEMM
from grokking.engines.numba.tables import matrices, new_gradient, new_tables, new_work
from grokking.engines.numba.thread_team import compiled, new_team
from grokking.engines.numba.tiles import LabelledPairs, PairTable, partition
from grokking.engines.numba.updates import Adam, advance
from grokking.engines.parameters import Parameters, learning_rate
from grokking.engines.threads import Workers
from grokking.engines.train_pairs import TrainPairs


class CompiledUpdates:
    """The engine ``compiled``: needs numba, a CPU and a foldable model.

    Every thread sums over its own shard of the pairs and the sums are added in a fixed order, so the
    bits depend on the number of threads and on nothing else that varies between two calls.
    """

    def __init__(self, parameters: Parameters, pairs: TrainPairs, workers: Workers) -> None:
        shape = parameters.shape
        self.parameters, self.workers = parameters, workers
        table = PairTable(shape, pairs.tokens)
        self.pairs = LabelledPairs(table.rows, pairs.answers[table.order], pairs.weight[table.order])
        self.tables, self.work = new_tables(shape), new_work(shape)
        self.parts = new_gradient(self.tables, workers.n)
        self.threads = partition(table, new_team(workers.n), shape)
        compiled(self._pieces(np.empty(0), np.empty((0, workers.n))))

    def advance(self, losses: np.ndarray) -> None:
        """One update for each of ``losses`` (float64), which receive the train loss before it."""
        p, n = self.parameters, len(losses)
        rates = np.array([learning_rate(p.config, p.n_updates + i) for i in range(n)])
        by_thread = np.empty((n, self.workers.n))
        self.workers.run_together(self._pieces(rates, by_thread))
        p.count(n)
        losses[:] = by_thread.sum(1)

    def _pieces(self, rates: np.ndarray, losses: np.ndarray) -> "list[partial[None]]":
        """What each thread does for one update per rate; losses: float64 [len(rates), threads]."""
        p = self.parameters
        w, g, adam = matrices(p.weights), matrices(p.gradient), self._adam()
        return [
            partial(
                advance,
                team,
                SGEMM,
                p.shape.score_scale,
                w,
                g,
                self.work,
                self.tables,
                self.parts,
                self.pairs,
                tiles,
                scratch,
                adam,
                rates,
                losses,
            )
            for team, tiles, scratch in self.threads
        ]

    def _adam(self) -> Adam:
        p, (exp_avg, exp_avg_sq) = self.parameters, self.parameters.moments()
        assert p.flat.grad is not None  # placed together with the weights
        return Adam(
            p.flat.numpy(),
            p.flat.grad.numpy(),
            exp_avg.numpy(),
            exp_avg_sq.numpy(),
            p.config.betas[0],
            p.config.betas[1],
            p.config.weight_decay,
            p.n_updates,
        )

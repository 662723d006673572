"""Updates through the look-up tables, gradient by hand, in tiles that stay in cache."""

from collections.abc import Callable
from functools import partial

import numpy as np

from grokking.engines.numba.blas import SGEMM
from grokking.engines.numba.passes import COMPILED_STEPS, Adam, loss_and_gradient
from grokking.engines.numba.tables import COMPILED_LOSSES, matrices, new_gradient, new_tables, new_workspace
from grokking.engines.numba.thread_team import compiled, new_team
from grokking.engines.numba.tiles import LabelledPairs, PairTable, partition
from grokking.engines.parameters import Parameters, learning_rate
from grokking.engines.threads import Workers
from grokking.engines.train_pairs import TrainPairs
from grokking.losses import LOSSES


class NumbaUpdates:
    """Needs numba, a CPU and a model that the tables compute; any optimiser.

    Every thread sums over its own shard of the pairs and the sums are added in a fixed order, so the
    bits depend on the number of threads and on nothing else that varies between two calls.
    """

    def __init__(self, parameters: Parameters, pairs: TrainPairs, workers: Workers) -> None:
        shape = parameters.shape
        self.parameters, self.workers = parameters, workers
        table = PairTable(shape, pairs.tokens)
        loss = COMPILED_LOSSES[getattr(LOSSES.get(parameters.config.loss), "compiled_loss", "")]
        self.pairs = LabelledPairs(table.rows, pairs.answers[table.order], pairs.weight[table.order], loss)
        self.tables, self.workspace = new_tables(shape), new_workspace(shape)
        self.parts = new_gradient(self.tables, workers.n)
        self.threads = partition(table, new_team(workers.n), shape)
        step = getattr(parameters.optimiser, "compiled_step", "") if parameters.optimiser_alone else ""
        self.compiled_step = COMPILED_STEPS.get(step)
        if self.compiled_step is not None:
            compiled(self._pieces(self.compiled_step, self._adam(), np.empty(0), np.empty((0, workers.n))))
        else:
            compiled(self._pieces(loss_and_gradient, np.empty(workers.n)))

    def advance(self, losses: np.ndarray) -> None:
        """One update for each of ``losses`` (float64), which receive the train loss before it."""
        if self.compiled_step is not None:
            self._advance_compiled(self.compiled_step, losses)
            return
        by_thread = np.empty(self.workers.n)
        for i in range(len(losses)):
            self.workers.run_together(self._pieces(loss_and_gradient, by_thread))
            losses[i] = by_thread.sum()
            self.parameters.update()

    def _advance_compiled(self, advance: Callable[..., None], losses: np.ndarray) -> None:
        """All updates in one call, the optimiser's step included."""
        p, n = self.parameters, len(losses)
        rates = np.array([learning_rate(p.config, p.n_updates + i) for i in range(n)])
        by_thread = np.empty((n, self.workers.n))
        self.workers.run_together(self._pieces(advance, self._adam(), rates, by_thread))
        p.n_updates += n
        losses[:] = by_thread.sum(1)

    def _pieces(self, kernel: Callable[..., None], *more: object) -> "list[partial[None]]":
        """One of ``passes``' kernels with its arguments, for each thread of the team."""
        p = self.parameters
        w, g = matrices(p.weights), matrices(p.gradient)
        return [
            partial(
                kernel,
                team,
                SGEMM,
                p.shape.score_scale,
                w,
                g,
                self.workspace,
                self.tables,
                self.parts,
                self.pairs,
                tiles,
                scratch,
                *more,
            )
            for team, tiles, scratch in self.threads
        ]

    def _adam(self) -> Adam:
        p = self.parameters
        beta1, beta2 = p.config.betas
        return Adam(
            p.flat.numpy(),
            p.flat_gradient.numpy(),
            p.flat_state["exp_avg"].numpy(),
            p.flat_state["exp_avg_sq"].numpy(),
            beta1,
            beta2,
            p.config.weight_decay,
            p.n_updates,
        )

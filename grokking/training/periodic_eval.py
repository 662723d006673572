"""Accuracies between the rows of the history: cheap enough to be evaluated every ten epochs."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from grokking.engines.outputs import Evaluator
from grokking.from_config import shape_of
from grokking.training.state import RunState


class _PartEval:
    """Accuracy by operation on one part of the split, whose rows in the task are ``rows``."""

    def __init__(self, state: RunState, rows: np.ndarray) -> None:
        task = state.task
        self.operation, self.names = task.operation_of_pair[rows], task.names
        self.evaluator = Evaluator(
            shape_of(state.config), task.tokens[rows], task.answers[rows], task.n_answers
        )

    def accuracies(self, weights: Mapping[str, Tensor]) -> dict[str, float]:
        correct = self.evaluator.losses_and_correct(weights)[1]
        return {name: float(np.mean(correct[self.operation == i])) for i, name in enumerate(self.names)}


class PeriodicEval:
    """What is evaluated every ten epochs."""

    def __init__(self, state: RunState) -> None:
        self.train, self.test = (_PartEval(state, rows) for rows in (state.split.train, state.split.test))

    def at(self, state: RunState) -> None:
        """Note the present test accuracies; and those of the train set until it is memorised."""
        weights = state.parameters.weights
        state.watch.look(state.epoch, self.test.accuracies(weights))
        if state.watch.memorising:
            state.watch.look_at_train(state.epoch, self.train.accuracies(weights))

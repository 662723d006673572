"""Looks at the accuracies between rows: cheap enough to come every ten epochs."""

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from grokking.engines import lookup as general
from grokking.engines.outputs import Evaluator, losses_and_correct
from grokking.from_config import shape_of
from grokking.tasks.base import N_CTX
from grokking.training.state import RunState


class _Look:
    """Accuracy by operation on some pairs (their indices), between rows."""

    def __init__(self, state: RunState, pairs: np.ndarray) -> None:
        self.shape, task = shape_of(state.config), state.task
        self.operation, self.names, self.n_answers = task.operation_of_pair[pairs], task.names, task.n_answers
        self.tokens, self.answers = task.tokens[pairs], task.answers[pairs]
        two_operands = self.shape.n_ctx == N_CTX
        self.evaluator = Evaluator(self.shape, self.tokens, self.answers) if two_operands else None

    def accuracies(self, weights: Mapping[str, Tensor]) -> dict[str, float]:
        correct = self._hits(weights)
        return {name: float(np.mean(correct[self.operation == i])) for i, name in enumerate(self.names)}

    def _hits(self, weights: Mapping[str, Tensor]) -> np.ndarray:
        if self.evaluator is not None:
            return self.evaluator.losses_and_correct(weights)[1]
        logits = general.outputs(weights, self.shape, self.tokens)[1]
        return losses_and_correct(logits, self.answers, self.n_answers)[1]


class PeriodicEval:
    """What is looked at every ten epochs."""

    def __init__(self, state: RunState) -> None:
        self.train, self.test = (_Look(state, pairs) for pairs in (state.split.train, state.split.test))

    def at(self, state: RunState) -> None:
        """Take note of the present accuracies; of the train set's until it is memorised."""
        weights = state.parameters.weights
        state.watch.look(state.epoch, self.test.accuracies(weights))
        if state.watch.memorising:
            state.watch.look_at_train(state.epoch, self.train.accuracies(weights))

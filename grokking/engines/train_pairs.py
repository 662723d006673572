"""The train pairs as tensors, with the weight that each has in the loss."""

from dataclasses import dataclass

import numpy as np

from grokking.tasks.base import Task
from grokking.tasks.split import Split


@dataclass(frozen=True)
class TrainPairs:
    """tokens int64 [N, n_ctx], answers int64 [N], weight float64 [N] summing to 1.

    The loss is the mean over operations of each operation's mean, so a pair weighs
    1 / (operations · train pairs of its operation).
    """

    tokens: np.ndarray
    answers: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, task: Task, split: Split) -> "TrainPairs":
        """The train half of a split."""
        operation = task.operation_of_pair[split.train]
        counts = np.bincount(operation, minlength=len(task.names))
        weight = 1.0 / (len(task.names) * counts[operation])
        return cls(task.tokens[split.train], task.answers[split.train], weight)

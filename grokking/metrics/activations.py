"""The activations of one network on every row of its task: the one interface that all metrics read."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from grokking.engines.outputs import PairOutputs, losses_and_correct, task_outputs
from grokking.groups.base import Group
from grokking.tasks.pairs import GroupGrid


class ActivationCache:
    """The weights of one epoch together with what they do on all rows of a task.

    Everything is computed when first asked for and then remembered; nothing is written to the weights.

    weights: by name.  shape: of the model (``grokking.models.base.Shape``).  task: any
    ``grokking.tasks.base.Task``; the methods that name a grid or an operation need a ``PairTask``.
    shared: what several metrics compute from the same activations, by a key of theirs.
    """

    def __init__(self, weights: Mapping[str, Tensor], shape: Any, task: Any) -> None:
        self.weights = {name: tensor.detach() for name, tensor in weights.items()}
        self.shape, self.task = shape, task
        self.shared: dict[Any, Any] = {}

    @cached_property
    def outputs(self) -> PairOutputs:
        """Neurons and logits on ``task.tokens``."""
        return task_outputs(self.weights, self.shape, self.task.tokens)

    @cached_property
    def losses_and_correct(self) -> tuple[Float64[np.ndarray, "rows"], Bool[np.ndarray, "rows"]]:
        """Cross-entropy (float64) and correctness (bool) of every row of the task."""
        return losses_and_correct(self.outputs.logits, self.task.answers, self.task.n_answers)

    def neuron_grid(self, grid: GroupGrid) -> Float[Tensor, "n n d_mlp"]:
        """Activations float32 [n, n, d_mlp] over the group indices of a and b."""
        flat = self.outputs.neurons
        if not _is_everything(grid.rows, len(flat)):
            flat = flat[torch.from_numpy(grid.rows)]
        return flat.view(grid.n, grid.n, -1)

    def logit_grid(self, grid: GroupGrid) -> Float[Tensor, "n n n"]:
        """Logits float32 [n, n, n] over the group indices of a, of b and of the answer class."""
        logits = self.outputs.logits
        # Logits of a large group take a gigabyte, which is not copied where they lie in order already.
        if not _is_everything(grid.rows, len(logits)):
            logits = logits[torch.from_numpy(grid.rows)]
        if not _is_everything(grid.group.members, logits.shape[1]):
            logits = logits[:, torch.from_numpy(grid.group.members.copy())]
        return logits.view(grid.n, grid.n, grid.n)

    def embedding(self, operation: str) -> Float64[np.ndarray, "n d_model"]:
        """W_E of the group's members in group order, centred over them: float64 [n, d_model].

        Raises ValueError for an operation without a group.
        """
        group = self.task.group(operation)
        if group is None:
            raise ValueError(f"{operation} has no group")
        return self.embedding_in(group, operation)

    def embedding_in(self, group: Group, operation: str) -> Float64[np.ndarray, "n d_model"]:
        """``embedding`` in the order of any group, which the operation need not have."""
        rows = self.number_rows(operation)[group.members]
        return np.asarray(rows - rows.mean(axis=0))

    def number_rows(self, operation: str) -> Float64[np.ndarray, "p d_model"]:
        """W_E of the numbers 0 … p - 1 as an operation's operands, float64 [p, d_model]."""
        first = self.task.first_token(operation)
        rows = self.weights["W_E"][first : first + self.task.p]
        return np.asarray(rows.detach().cpu().double().numpy())


def _is_everything(rows: Int[np.ndarray, "rows"], n: int) -> bool:
    return len(rows) == n and bool((rows == np.arange(n)).all())

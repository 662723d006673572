"""A network looked at once: its outputs on every pair of its task, for all metrics to share."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from grokking.lookup.outputs import PairOutputs, losses_and_hits, pair_outputs
from grokking.model import ModelShape
from grokking.tasks import GroupGrid, Task


class Observation:
    """The weights of one epoch together with what they do on all pairs of the task.

    Everything is computed when first asked for and kept; nothing is written to the weights.
    """

    def __init__(self, weights: Mapping[str, Tensor], shape: ModelShape, task: Task) -> None:
        self.weights = {name: tensor.detach() for name, tensor in weights.items()}
        self.shape, self.task = shape, task

    @cached_property
    def outputs(self) -> PairOutputs:
        """Neurons and logits on ``task.tokens``."""
        return pair_outputs(self.weights, self.shape, self.task.tokens)

    @cached_property
    def losses_and_hits(self) -> tuple[np.ndarray, np.ndarray]:
        """Cross-entropy (float64) and correctness (bool) of every pair of the task."""
        return losses_and_hits(self.outputs.logits, self.task.answers, self.task.p)

    def neuron_grid(self, grid: GroupGrid) -> Tensor:
        """Activations float32 [n, n, d_mlp] over the group indices of a and b."""
        flat = self.outputs.neurons
        if not _is_everything(grid.rows, len(flat)):
            flat = flat[torch.from_numpy(grid.rows)]
        return flat.view(grid.n, grid.n, -1)

    def logit_grid(self, grid: GroupGrid) -> Tensor:
        """Logits float32 [n, n, n] over the group indices of a, of b and of the answer class."""
        logits = self.outputs.logits[torch.from_numpy(grid.rows)]
        return logits[:, torch.from_numpy(grid.group.members.copy())].view(grid.n, grid.n, grid.n)

    def embedding(self, operation: str) -> np.ndarray:
        """W_E of the group's members in group order, centred over them: float64 [n, d_model].

        Raises ValueError for an operation without a group.
        """
        group = self.task.group(operation)
        if group is None:
            raise ValueError(f"{operation} has no cyclic group")
        rows = self.weights["W_E"].detach().cpu().double().numpy()[group.members]
        return np.asarray(rows - rows.mean(axis=0))


def _is_everything(rows: np.ndarray, n: int) -> bool:
    return len(rows) == n and bool((rows == np.arange(n)).all())

"""The activations of one network on every row of its task: the one interface that all metrics read."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int, Int64
from torch import Tensor

from grokking.engines.outputs import OutputsInParts, PairOutputs, losses_and_correct, outputs_of
from grokking.errors import UserError
from grokking.groups.base import Group
from grokking.metrics.logit_sums import LogitSums
from grokking.models import MODELS
from grokking.models.base import matrices_of
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
    def outputs(self) -> PairOutputs | OutputsInParts:
        """Neurons and logits on ``task.tokens``."""
        return outputs_of(self.weights, self.shape, self.task.tokens)

    @cached_property
    def logit_sums(self) -> LogitSums | None:
        """What the rows of a history need of the logits where these are too large to hold; else None."""
        return LogitSums.of(self.outputs, self.task) if isinstance(self.outputs, OutputsInParts) else None

    @cached_property
    def matrices(self) -> dict[str, Tensor]:
        """What measures read of the weights, as ``grokking.models.base.matrices_of``, in float64."""
        exact = {name: tensor.cpu().double() for name, tensor in self.weights.items()}
        return matrices_of(MODELS.get(self.shape.model), exact, self.shape)

    def embedded(self, tokens: Int64[np.ndarray, "pairs n_tokens"]) -> Float[Tensor, "pairs positions width"]:
        """What tokens int64 [N, n_tokens] are embedded as: [N, positions, d_model], the operands first.

        In the precision of the weights.  Raises UserError for a model that embeds no tokens.
        """
        return self._asked("embed")(self.weights, self.shape, torch.from_numpy(tokens))

    def logits_of_embedded(
        self, embedded: Float[Tensor, "pairs positions width"]
    ) -> Float[Tensor, "pairs n_classes"]:
        """Logits [N, n_classes] that follow from ``embedded``; differentiable in it.

        Raises UserError as ``embedded`` does.
        """
        return self._asked("logits_of_embedded")(self.weights, self.shape, embedded)

    @property
    def has_attention(self) -> bool:
        """Whether the model attends to positions."""
        return hasattr(MODELS.get(self.shape.model), "attention")

    def attention(
        self, tokens: Int64[np.ndarray, "pairs n_tokens"]
    ) -> Float[Tensor, "pairs n_layers n_heads positions"]:
        """What the last position attends to, for tokens int64 [N, n_tokens].

        Raises UserError for a model without attention.
        """
        with torch.no_grad():
            return self._asked("attention")(self.weights, self.shape, torch.from_numpy(tokens))

    def _asked(self, method: str) -> Callable[..., Tensor]:
        """A method that not every model has."""
        model = MODELS.get(self.shape.model)
        if not hasattr(model, method):
            raise UserError(f"the model {model.name} has no {method.replace('_', ' ')}, which this needs")
        found: Callable[..., Tensor] = getattr(model, method)
        return found

    @cached_property
    def losses_and_correct(self) -> tuple[Float64[np.ndarray, "rows"], Bool[np.ndarray, "rows"]]:
        """Cross-entropy (float64) and correctness (bool) of every row of the task."""
        if self.logit_sums is not None:
            return self.logit_sums.losses, self.logit_sums.correct
        return losses_and_correct(self.outputs.logits, self.task.answers, self.task.n_answers)

    @cached_property
    def guesses(self) -> Int64[np.ndarray, "rows"]:
        """The answer to every row of the task: of the classes that can be right the likeliest."""
        return np.asarray(self.outputs.logits[:, : self.task.n_answers].argmax(dim=1).cpu().numpy())

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
        """Embeddings of the numbers 0 … p - 1 as an operation's operands, float64 [p, d_model].

        Of a model that embeds the two operands differently, both side by side: [p, 2 · d_model].
        """
        first = self.task.first_token(operation)
        rows = self.matrices["embedding"][first : first + self.task.p]
        return np.asarray(rows.numpy())


def _is_everything(rows: Int[np.ndarray, "rows"], n: int) -> bool:
    return len(rows) == n and bool((rows == np.arange(n)).all())

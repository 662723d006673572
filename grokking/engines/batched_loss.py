"""Loss and gradient of several runs at once by autograd: any model, any device, plain torch.

One object serves R replicas of one shape; a single run is R = 1. The one-layer transformer goes through
attention look-ups (``engines.lookup``), any other model through its own ``logits``.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from grokking.engines import lookup
from grokking.engines.parameters import Tensors, views
from grokking.engines.train_pairs import TrainPairs
from grokking.models import MODELS


class BatchedLoss:
    """Train losses of R replicas as a differentiable function of their weights.

    shape: of the model (``grokking.models.base.Shape``). Replicas with fewer pairs are padded with copies of
    their first pair, of weight zero.
    """

    def __init__(self, shape: Any, pairs: Sequence[TrainPairs], device: torch.device) -> None:
        self.shape = shape
        longest = max(len(p.answers) for p in pairs)
        rows = [[*range(len(p.answers)), *[0] * (longest - len(p.answers))] for p in pairs]
        self.tokens = _stacked([p.tokens[row] for p, row in zip(pairs, rows, strict=True)], device)
        self.answers = _stacked([p.answers[row] for p, row in zip(pairs, rows, strict=True)], device)
        self.weight = torch.zeros(len(pairs), longest, dtype=torch.float64)
        for r, p in enumerate(pairs):
            self.weight[r, : len(p.weight)] = torch.from_numpy(p.weight)
        self.weight = self.weight.to(device)

    def __call__(self, flat: Tensor) -> Tensor:
        """Losses float64 [R] at weights ``flat`` [R, n_parameters]."""
        logits = replica_logits(views(flat, self.shape.parameter_shapes()), self.shape, self.tokens)
        losses = F.cross_entropy(logits.double().flatten(0, 1), self.answers.flatten(), reduction="none")
        return (losses.view_as(self.weight) * self.weight).sum(1)

    def backward(self, flat: Tensor, gradient: Tensor) -> Tensor:
        """Losses [R]; ``gradient`` [R, n_parameters] is overwritten by theirs."""
        leaf = flat.detach().requires_grad_()
        losses = self(leaf)
        gradient.copy_(torch.autograd.grad(losses.sum(), leaf)[0])
        return losses.detach()


def _stacked(arrays: Sequence[Any], device: torch.device) -> Tensor:
    return torch.stack([torch.from_numpy(array) for array in arrays]).to(device)


def replica_logits(weights: Tensors, shape: Any, tokens: Tensor) -> Tensor:
    """Logits [R, N, n_classes] of R replicas, for weights with a leading axis R.

    tokens: int64 [R, N, n_ctx].

    One replica after the other for a model that has no short cut: its ``logits`` may do what
    ``torch.func.vmap`` cannot follow, and a run's bits then do not depend on how many runs there are.
    """
    if lookup.serves(shape):
        return lookup.last_position(weights, shape, tokens)[1]
    model = MODELS.get(shape.model)
    replicas = [{name: tensor[r] for name, tensor in weights.items()} for r in range(len(tokens))]
    return torch.stack([model.logits(w, shape, t) for w, t in zip(replicas, tokens, strict=True)])

"""Loss and gradient by autograd through attention look-ups: any model, any device, plain torch.

One object serves R replicas of one shape at once; a single run is R = 1.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from grokking.engines.lookup import last_position
from grokking.engines.parameters import views
from grokking.engines.train_pairs import TrainPairs
from grokking.models.transformer import ModelShape


class BatchedLoss:
    """Train losses of R replicas as a differentiable function of their weights.

    Replicas with fewer pairs are padded with pairs of weight zero.
    """

    def __init__(self, shape: ModelShape, pairs: Sequence[TrainPairs], device: torch.device) -> None:
        self.shape = shape
        longest = max(len(p.answers) for p in pairs)
        self.tokens = torch.zeros(len(pairs), longest, shape.n_ctx, dtype=torch.int64)
        self.tokens[:, :, -1] = shape.n_numbers  # padding must be tokens, too
        self.answers = torch.zeros(len(pairs), longest, dtype=torch.int64)
        self.weight = torch.zeros(len(pairs), longest, dtype=torch.float64)
        for r, p in enumerate(pairs):
            n = len(p.answers)
            self.tokens[r, :n] = torch.from_numpy(p.tokens)
            self.answers[r, :n] = torch.from_numpy(p.answers)
            self.weight[r, :n] = torch.from_numpy(p.weight)
        self.tokens, self.answers = self.tokens.to(device), self.answers.to(device)
        self.weight = self.weight.to(device)

    def __call__(self, flat: Tensor) -> Tensor:
        """Losses float64 [R] at weights ``flat`` [R, n_parameters]."""
        _, logits = last_position(views(flat, self.shape), self.shape, self.tokens)
        losses = F.cross_entropy(logits.double().flatten(0, 1), self.answers.flatten(), reduction="none")
        return (losses.view_as(self.weight) * self.weight).sum(1)

    def backward(self, flat: Tensor, gradient: Tensor) -> Tensor:
        """Losses [R]; ``gradient`` [R, n_parameters] is overwritten by theirs."""
        leaf = flat.detach().requires_grad_()
        losses = self(leaf)
        gradient.copy_(torch.autograd.grad(losses.sum(), leaf)[0])
        return losses.detach()

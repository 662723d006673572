"""Loss and gradient by autograd through attention look-ups: any model, any device, plain torch."""

import torch
from torch.nn import functional as F

from grokking.lookup.general import last_position, stack
from grokking.training.data import TrainPairs
from grokking.training.parameters import Parameters


class GeneralGradient:
    """The engine ``lookup``: attention from tables, only the last position through the MLP."""

    name = "lookup"

    def __init__(self, parameters: Parameters, pairs: TrainPairs) -> None:
        device = parameters.flat.device
        self.parameters = parameters
        self.tokens = torch.as_tensor(pairs.tokens, device=device)[None]
        self.answers = torch.as_tensor(pairs.answers, device=device)
        self.weight = torch.as_tensor(pairs.weight, device=device)

    def loss_and_gradient(self) -> float:
        """The train loss of the current weights; writes ``parameters.gradient``."""
        weights = {k: w.detach().requires_grad_() for k, w in self.parameters.weights.items()}
        _, logits = last_position(stack(weights), self.parameters.shape, self.tokens)
        losses = F.cross_entropy(logits[0].double(), self.answers, reduction="none")
        loss = (losses * self.weight).sum()
        gradients = torch.autograd.grad(loss, list(weights.values()))
        for name, gradient in zip(weights, gradients, strict=True):
            self.parameters.gradient[name].copy_(gradient)
        return loss.item()

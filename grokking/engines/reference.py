"""Updates by autograd through the readable forward pass: the reference engine."""

import numpy as np
import torch

from grokking.engines.parameters import DTYPES, Parameters
from grokking.engines.train_pairs import TrainPairs
from grokking.losses import LOSSES
from grokking.models import MODELS


class ReferenceUpdates:
    """No short cut: any model, any device, any optimiser."""

    def __init__(self, parameters: Parameters, pairs: TrainPairs) -> None:
        device = parameters.flat.device
        self.parameters, self.model = parameters, MODELS.get(parameters.shape.model)
        self.loss, self.loss_options = LOSSES.get(parameters.config.loss), parameters.config.loss_options
        self.tokens = torch.as_tensor(pairs.tokens, device=device)
        self.answers = torch.as_tensor(pairs.answers, device=device)
        self.weight = torch.as_tensor(pairs.weight, device=device)
        self.dtype = DTYPES[parameters.config.loss_dtype]

    def advance(self, losses: np.ndarray) -> None:
        """One update for each of ``losses`` (float64), which receive the train loss before it."""
        for i in range(len(losses)):
            losses[i] = self._loss_and_gradient()
            self.parameters.update()

    def _loss_and_gradient(self) -> float:
        """The train loss of the current weights; writes ``parameters.gradient``."""
        weights = {k: w.detach().requires_grad_() for k, w in self.parameters.weights.items()}
        logits = self.model.logits(weights, self.parameters.shape, self.tokens)
        losses = self.loss.per_pair(logits.to(self.dtype), self.answers, self.loss_options)
        loss = (losses * self.weight).sum()
        gradients = torch.autograd.grad(loss, list(weights.values()))
        for name, gradient in zip(weights, gradients, strict=True):
            self.parameters.gradient[name].copy_(gradient)
        return loss.item()

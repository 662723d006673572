"""How well one interpretation of the weights fits: what the answers to all pairs say of it."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grokking.metrics.activations import ActivationCache


@dataclass(frozen=True)
class FitScores:
    """accuracy: share of right answers.  loss: geometric mean, in nats.  spread: standard deviation of the
    margins of right answers over their mean.
    """

    accuracy: float
    loss: float
    spread: float

    @classmethod
    def of(cls, acts: ActivationCache) -> "FitScores":
        """Those of a network on all rows of its task."""
        answers = torch.as_tensor(acts.task.answers)
        logits = acts.outputs.logits[:, : acts.task.n_answers].cpu()
        return fit_scores(logits, answers, acts.losses_and_correct[0])


def fit_scores(logits: Tensor, answers: Tensor, losses: np.ndarray) -> FitScores:
    """The scores of given answers; a margin is the right logit less the largest other one.

    logits: [N, n_answers].  answers: int64 [N].  losses: float64 [N], in nats.
    """
    logits = logits.double()
    true = logits.gather(1, answers[:, None])[:, 0]
    margins = true - logits.scatter(1, answers[:, None], -math.inf).amax(1)
    right = margins[margins > 0]
    spread = float(right.std(correction=0) / right.mean()) if len(right) else math.inf
    typical = math.exp(float(np.log(np.maximum(losses, np.finfo(float).tiny)).mean()))
    return FitScores(len(right) / len(margins), typical, spread)

"""What a network's answers say of how it was read and split: scores, and tests against chance."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import bdtrc
from scipy.stats import mannwhitneyu
from torch import Tensor

from grokking.metrics.activations import ActivationCache
from grokking.tasks.split import Split


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


MEMORISED_GAP = 0.1
"""A network that knows its train pairs better than the others by less shows no split in its accuracies."""
CONFIRMED = 1e-3
"""Losses confirm a split below this P."""


def chance_of_hits(correct: int, n: int, chance: float, tried: int = 1) -> float:
    """P that guessing gives ``hits`` or more right answers of ``n`` in at least one of ``tried`` tries.

    chance: of one right answer. The upper tail of a binomial distribution times ``tried`` (Bonferroni).
    """
    return min(1.0, tried * (1.0 if correct <= 0 else float(bdtrc(correct - 1, n, chance))))


def rank_test(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Are the values of one group the lower ones? Mann and Whitney's U, by its normal approximation.

    Returns the share of pairs, one of each group, in which ``low`` has the lower value (ties count half),
    and P that a random choice of as many gives so large a share.  (0.5, 1) where a group is empty.
    """
    if not low.size or not high.size:
        return 0.5, 1.0
    test = mannwhitneyu(high, low, alternative="greater", method="asymptotic")
    return float(test.statistic) / (low.size * high.size), float(np.nan_to_num(test.pvalue, nan=1.0))


def surer_when_right(logits: Tensor, correct: np.ndarray) -> float:
    """The share of pairs of a right and a wrong answer in which the right one is given more surely.

    logits: [N, n_classes].  hits: bool [N].  A network that learnt some pairs by heart, or that is learning,
    is surer of right answers; one that answers another question is right now and then and no surer then.
    """
    doubt = 1 - logits.double().softmax(1).amax(1).cpu().numpy()
    return rank_test(doubt[correct], doubt[~correct])[0]


@dataclass(frozen=True)
class SplitTest:
    """Losses of supposed train and test pairs at an epoch: means in nats, and ``rank_test`` of them."""

    epoch: int
    train: float
    test: float
    share: float
    p: float

    @classmethod
    def of(cls, epoch: int, losses: np.ndarray, split: Split) -> "SplitTest":
        """losses: float64 [N], of all rows of the task."""
        train, test = losses[split.train], losses[split.test]
        return cls(epoch, float(train.mean()), float(test.mean()), *rank_test(train, test))

    def text(self, n_epochs: int) -> str:
        """In words. n_epochs: how many were tested, for which P is corrected."""
        p = min(1.0, self.p * n_epochs)
        corrected = f", corrected for {n_epochs} epochs" * (n_epochs > 1)
        shown = "P < 1e-99" if p < 1e-99 else f"P = {p:.2g}"
        return (
            f"epoch {self.epoch}: mean loss {self.train:.2g} of train and {self.test:.2g} of test pairs, "
            f"the train pair's the lower in {self.share:.1%}; rank test {shown}{corrected}"
        )


def describe_split_tests(columns: Mapping[str, Sequence[Any]], tests: Sequence[SplitTest]) -> str | None:
    """Whether the networks show the split, by accuracies, else by losses; None where accuracies do.

    columns: the history's ``train_acc`` and ``test_acc``.  tests: one for each of its epochs.
    """
    if not tests:
        return None
    pairs = list(zip(columns["train_acc"], columns["test_acc"], strict=True))
    if any(train - test >= MEMORISED_GAP for train, test in pairs):
        return None
    best = min(tests, key=lambda test: (test.p, -test.share))
    words = best.text(len(tests))
    if best.p * len(tests) < CONFIRMED:
        return f"the split is confirmed by the losses ({words})"
    if all(min(pair) > 1 - MEMORISED_GAP for pair in pairs):
        return (
            "warning: nothing confirms the split: every network here answers all pairs, and has no lower "
            f"losses on the train pairs ({words}); it may be another split"
        )
    return (
        f"warning: at no epoch are train pairs known better than test pairs ({words}); is it another split, "
        "or is the network untrained?"
    )

"""Losses and accuracies by part of the split, and the margin of each pair (definitions, "Losses")."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

from grokking.metrics.activations import ActivationCache
from grokking.metrics.registry import METRICS, Metric, Row, Scope
from grokking.tasks.split import Split


def losses(acts: ActivationCache, split: Split | None) -> Row:
    """Losses (nats) and accuracies, per operation and their mean; of all rows where there is no split."""
    losses, correct = acts.losses_and_correct
    parts = {"all": np.arange(len(losses))}
    if split is not None:
        parts = {"train": split.train, "test": split.test}
    row: Row = {}
    for part, rows in parts.items():
        operation = acts.task.operation_of_pair[rows]
        for value, name in ((losses, "loss"), (correct, "acc")):
            means = [float(value[rows][operation == i].mean()) for i in range(len(acts.task.names))]
            row[f"{part}_{name}"] = float(np.mean(means))
            if len(means) > 1:
                row |= {f"{part}_{name}_{op}": m for op, m in zip(acts.task.names, means, strict=True)}
    return row


def _measure(scope: Scope) -> Row:
    return losses(scope.acts, scope.split)


METRICS.register(
    Metric(
        "losses",
        _measure,
        ("train_loss", "test_loss", "train_acc", "test_acc", "all_loss", "all_acc"),
        rank=10,
    )
)


def margins(
    logits: Float[Tensor, "pairs n_classes"], answers: Int64[np.ndarray, "pairs"], n_answers: int
) -> Float64[np.ndarray, "pairs"]:
    """Correct logit less the largest other one, in nats, float64 [N]; above 0 where the answer is right.

    logits: [N, n_classes].  answers: int64 [N].  Only the first ``n_answers`` classes compete, as
    they do for accuracy.
    """
    competing = logits[:, :n_answers].detach().cpu()
    at = torch.as_tensor(answers)[:, None]
    correct = competing.gather(1, at)[:, 0].double()
    others = competing.scatter(1, at, -torch.inf).max(dim=1).values.double()
    return np.asarray((correct - others).numpy())


def learnt_since(correct: Bool[np.ndarray, "epochs pairs"]) -> Int64[np.ndarray, "pairs"]:
    """First row from which a pair is right to the end, int64 [N]; E where it is not right at the end.

    correct: bool [E, N], epochs in order.
    """
    wrong = ~np.asarray(correct, dtype=bool)
    last_wrong = len(wrong) - 1 - wrong[::-1].argmax(axis=0)
    return np.where(wrong.any(axis=0), last_wrong + 1, 0)

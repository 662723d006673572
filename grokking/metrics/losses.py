"""Losses and accuracies by part of the split (docs/definitions.md, "Losses")."""

import numpy as np

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

"""One row of ``history.json``: every metric of one epoch."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grokking.metrics import embedding as emb
from grokking.metrics.activations import ActivationCache
from grokking.metrics.neurons import (
    fit_sinusoids,
    fourier_strength_null,
    key_frequencies,
    mean_by_answer,
    variance_shares,
)
from grokking.tasks.pairs import GroupGrid
from grokking.tasks.split import Split

Row = dict[str, Any]
"""Metric name to a float, an int, a list of numbers, or None where the metric does not exist."""

SHARE_DIGITS = 6


def measure_row(seen: ActivationCache, split: Split | None) -> Row:
    """All metrics of ``definitions.md`` that are logged during training.

    Without a split there are no train and test values, and ``all_loss``, ``all_acc`` stand alone.
    With several operations each value carries its operation as a suffix; unsuffixed losses and
    accuracies are means over operations, and Fourier metrics have no unsuffixed value.
    """
    row = losses(seen, split)
    row["weight_norm"] = weight_norm(seen.weights)
    for name in seen.task.names:
        grid = seen.task.grid(name)
        if grid is not None:
            suffix = suffix_of(name, seen)
            row |= {key + suffix: value for key, value in _fourier(seen, name, grid).items()}
    return row


def suffix_of(operation: str, seen: ActivationCache) -> str:
    """``""`` for a task of one operation, ``"_add"`` and the like otherwise."""
    return f"_{operation}" if len(seen.task.names) > 1 else ""


def losses(seen: ActivationCache, split: Split | None) -> Row:
    """Losses and accuracies, per operation and their mean."""
    losses, correct = seen.losses_and_correct
    parts = {"all": np.arange(len(losses))}
    if split is not None:
        parts = {"train": split.train, "test": split.test}
    row: Row = {}
    for part, rows in parts.items():
        operation = seen.task.operation_of_pair[rows]
        for value, name in ((losses, "loss"), (correct, "acc")):
            means = [float(value[rows][operation == i].mean()) for i in range(len(seen.task.names))]
            row[f"{part}_{name}"] = float(np.mean(means))
            if len(means) > 1:
                row |= {f"{part}_{name}_{op}": m for op, m in zip(seen.task.names, means, strict=True)}
    return row


def weight_norm(weights: Mapping[str, Tensor]) -> float:
    """L2 norm over all parameters, summed in float64."""
    # An exact sum, since weights come in another order from a file than from training.
    return math.fsum(w.double().square().sum().item() for w in weights.values()) ** 0.5


FOURIER = (
    "fourier_strength",
    "fourier_strength_null",
    "dead_neurons",
    "embedding_circularity",
    "embedding_circularity_null",
    "gini",
    "gini_null",
    "dominant_frequency",
    "key_frequencies",
    "frequency_share",
)
"""Metrics of an operation with a group, in the order of their columns."""


def _fourier(seen: ActivationCache, operation: str, grid: GroupGrid) -> Row:
    """``FOURIER``; None for those of neurons or of W_E in a model that has none."""
    row: Row = dict.fromkeys(FOURIER)
    if seen.outputs.has_neurons:
        row |= _of_neurons(seen, grid)
    if "W_E" in seen.weights:
        row |= _of_embedding(seen, operation)
    return row


def _of_neurons(seen: ActivationCache, grid: GroupGrid) -> Row:
    neuron_grid = seen.neuron_grid(grid)
    means = mean_by_answer(neuron_grid, grid.sign)
    fit = fit_sinusoids(means)
    return {
        "fourier_strength": fit.fourier_strength,
        "fourier_strength_null": fourier_strength_null(means),
        "dead_neurons": int((~fit.alive).sum()),
        "key_frequencies": key_frequencies(variance_shares(neuron_grid)),
    }


def _of_embedding(seen: ActivationCache, operation: str) -> Row:
    embedding = seen.embedding(operation)
    nulls = emb.embedding_nulls(embedding)
    share = emb.frequency_share(embedding)
    return {
        "embedding_circularity": emb.embedding_circularity(embedding),
        "embedding_circularity_null": nulls.circularity,
        "gini": emb.gini(embedding),
        "gini_null": nulls.gini,
        "dominant_frequency": emb.dominant_frequency(embedding),
        "frequency_share": [float(f"{x:.{SHARE_DIGITS}g}") for x in share],
    }


def not_finite(row: Mapping[str, Any]) -> str | None:
    """The first metric of a row that is NaN or infinite, or a list that holds such; None if all are sound."""
    sound = {name: value is None or bool(np.isfinite(value).all()) for name, value in row.items()}
    return next((name for name, ok in sound.items() if not ok), None)


def all_finite(weights: Mapping[str, Tensor]) -> bool:
    """False as soon as one parameter is NaN or infinite."""
    return all(bool(torch.isfinite(w).all()) for w in weights.values())

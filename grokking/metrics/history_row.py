"""One row of ``history.json``: every metric of one epoch that is logged during training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grokking.metrics.activations import ActivationCache
from grokking.metrics.registry import HISTORY, Row, chosen, measured, scopes_of
from grokking.tasks.split import Split


def measure_row(acts: ActivationCache, split: Split | None, extra: Sequence[str] = ()) -> Row:
    """The default metrics of the task, and those named in ``extra``.

    Without a split there are no train and test values, and ``all_loss``, ``all_acc`` stand alone. With
    several operations each value carries its operation as a suffix; unsuffixed losses and accuracies are
    means over operations, and metrics of one group have no unsuffixed value.
    """
    return measured(chosen(acts.task, HISTORY, extra), acts, scopes_of(acts, split))


def not_finite(row: Mapping[str, Any]) -> str | None:
    """The first metric of a row that is NaN or infinite, or a list that holds such; None if all are sound."""
    sound = {name: value is None or bool(np.isfinite(value).all()) for name, value in row.items()}
    return next((name for name, ok in sound.items() if not ok), None)


def all_finite(weights: Mapping[str, Tensor]) -> bool:
    """False as soon as one parameter is NaN or infinite."""
    return all(bool(torch.isfinite(w).all()) for w in weights.values())

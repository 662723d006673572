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
    """The first metric of a row that is NaN or infinite, or holds such; None if all are sound."""
    return next((name for name, value in row.items() if not _is_finite(value)), None)


def _is_finite(value: Any) -> bool:
    """Of a number, or of all in a list or object; what is null or a label is sound."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return all(bool(np.isfinite(v)) for v in values if v is not None and not isinstance(v, str))


def all_finite(weights: Mapping[str, Tensor]) -> bool:
    """False as soon as one parameter is NaN or infinite."""
    return all(bool(torch.isfinite(w).all()) for w in weights.values())

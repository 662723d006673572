"""A run's history as series of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokking.errors import DamagedFile
from grokking.runs.run import Run


@dataclass(frozen=True)
class Series:
    """A logged quantity. epochs: int64 [m].  values: float64 [m], NaN where there is no value."""

    epochs: np.ndarray
    values: np.ndarray


def last_epoch(run: Run) -> int:
    """The last epoch that a run has a checkpoint or a row of its history for."""
    return max([run.final_epoch, *run.history["epochs"][-1:]])


def logged_series(run: Run, key: str) -> Series:
    """A list of the history, by its whole name; raises DamagedFile if it is not there."""
    history = run.history
    if not history["epochs"]:
        raise DamagedFile("the history has no rows; train the run again, or further")
    if not isinstance(history.get(key), list):
        raise DamagedFile(f"the history has no {key}; is it of another version or operation?")
    return Series(np.array(history["epochs"]), _numbers(history[key], key))


def _numbers(values: Sequence[Any], key: str) -> np.ndarray:
    try:
        return np.array(values, dtype=float)  # None, where a metric does not exist, becomes NaN
    except (ValueError, TypeError) as error:
        raise DamagedFile(f"{key} in the history is damaged: {error}") from error

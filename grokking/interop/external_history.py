"""Losses and accuracies that whoever trained a network wrote down, where they can be believed.

They stand in our history under ``reported_…``, beside what is measured here, never in its place:
nobody knows here how they were computed. They are believed if they fit what the weights do.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grokking.errors import UserError
from grokking.storage.atomic_io import read_json

NAMES = ("train_loss", "test_loss", "train_acc", "test_acc")
TOLERANCE = 2e-3
PREFIX = "reported_"
Columns = dict[str, list[float | None]]


class Reported:
    """A ``history.json`` beside the weights: the values of its lists at each of its epochs."""

    def __init__(self, path: Path | None) -> None:
        self.by_epoch: dict[int, dict[str, float]] = {}
        self.problem: str | None = None
        if path is not None:
            self.problem = self._read(path)

    @classmethod
    def beside(cls, source: Path) -> "Reported":
        """That of the folder that holds the weights; empty if there is none."""
        path = (source if source.is_dir() else source.parent) / "history.json"
        return cls(path if path.is_file() else None)

    @property
    def last_epoch(self) -> int | None:
        """The end of the history."""
        return max(self.by_epoch, default=None)

    def columns(
        self, epochs: Sequence[int], measured: Mapping[str, Sequence[float]]
    ) -> tuple[Columns, str | None]:
        """``reported_…`` at the epochs of the weights, and a word on what was done with them.

        measured: our own accuracies at these epochs, with or without a split.
        """
        if not self.by_epoch:
            return {}, self.problem and f"history.json beside the weights is not used: {self.problem}"
        shared = [(i, self.by_epoch[e]) for i, e in enumerate(epochs) if e in self.by_epoch]
        if not shared:
            return {}, "history.json beside the weights is not used: it has none of their epochs"
        for i, row in shared:
            problem = _contradiction(row, {name: values[i] for name, values in measured.items()})
            if problem:
                return {}, f"history.json beside the weights is not used: at epoch {epochs[i]} {problem}"
        found = {PREFIX + name: [self.by_epoch.get(e, {}).get(name) for e in epochs] for name in NAMES}
        return found, f"history.json beside the weights fits them: kept as {PREFIX}… at {len(shared)} epochs"

    def _read(self, path: Path) -> str | None:
        try:
            record: Any = read_json(path)
        except UserError as error:
            return str(error)
        lists = [record.get(name) if isinstance(record, dict) else None for name in ("epochs", *NAMES)]
        if (
            not all(isinstance(values, list) for values in lists)
            or len({len(v) for v in lists if v is not None}) != 1
        ):
            return f"it has no epochs, {', '.join(NAMES)} of one length"
        for epoch, *values in zip(*lists, strict=True):
            if type(epoch) is not int or not all(
                _sound(name, v) for name, v in zip(NAMES, values, strict=True)
            ):
                self.by_epoch = {}
                return f"its values at {epoch!r} are no losses >= 0 and accuracies from 0 to 1"
            self.by_epoch[epoch] = dict(zip(NAMES, map(float, values), strict=True))
        return None


def _sound(name: str, value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return is_number and value >= 0 and (value <= 1 or name.endswith("loss"))


def _contradiction(row: Mapping[str, float], measured: Mapping[str, float]) -> str | None:
    """Where reported accuracies cannot be those of these weights."""
    for name in ("train_acc", "test_acc"):
        if name in measured and abs(measured[name] - row[name]) > TOLERANCE:
            return f"it says {name} {row[name]:.4f}, measured {measured[name]:.4f}"
    if "all_acc" in measured:
        low, high = sorted((row["train_acc"], row["test_acc"]))
        if not low - TOLERANCE <= measured["all_acc"] <= high + TOLERANCE:
            return (
                f"it says train_acc {row['train_acc']:.4f} and test_acc {row['test_acc']:.4f}, while on all "
                f"pairs the weights have {measured['all_acc']:.4f}"
            )
    return None

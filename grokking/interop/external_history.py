"""Losses and accuracies that came with the weights, stored if they fit what the weights do.

They stand in our history under ``reported_…``, in addition to what is measured here and never instead of it,
since it is unknown how they were computed.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grokking.errors import UserError
from grokking.interop.curves import NAMES, Row
from grokking.storage.atomic_io import read_json

TOLERANCE = 2e-3
"""Between accuracies."""
LOSS_TOLERANCE = 0.05, 0.25
"""Between losses, in nats and as a share of the larger: they may be those of one step before."""
NEARBY, INSIDE = "the history.json in the folder of the weights", "what the weights' files report"
PREFIX = "reported_"
Columns = dict[str, list[float | None]]


class ExternalHistory:
    """Losses and accuracies that others report at some epochs. where: in words, which file has them."""

    def __init__(self, where: str = NEARBY) -> None:
        self.by_epoch: dict[int, dict[str, float]] = {}
        self.problem: str | None = None
        self.where = where

    @classmethod
    def next_to(cls, source: Path) -> "ExternalHistory":
        """A ``history.json`` in the folder that holds the weights; empty if there is none."""
        found = cls()
        path = (source if source.is_dir() else source.parent) / "history.json"
        if path.is_file():
            found.problem = found._read(path)
        return found

    @classmethod
    def from_files(cls, rows: Mapping[int, Row]) -> "ExternalHistory":
        """What the files of weights themselves say at the epochs of their networks."""
        found = cls(INSIDE)
        for epoch, row in rows.items():
            values = {name: value for name, value in row.items() if value is not None}
            if not all(_sound(name, value) for name, value in values.items()):
                found.by_epoch, found.problem = {}, _unsound(epoch)
                break
            if values:
                found.by_epoch[epoch] = values
        return found

    @property
    def last_epoch(self) -> int | None:
        """The end of the history."""
        return max(self.by_epoch, default=None)

    def columns(
        self, epochs: Sequence[int], measured: Mapping[str, Sequence[float]]
    ) -> tuple[Columns, str | None]:
        """``reported_…`` at the epochs of the weights, and a word on what was done with them.

        measured: our own losses and accuracies at these epochs, with or without a split.
        """
        if not self.by_epoch:
            return {}, self.problem and f"not used: {self.where}: {self.problem}"
        shared = [(i, self.by_epoch[e]) for i, e in enumerate(epochs) if e in self.by_epoch]
        if not shared:
            return {}, f"not used: {self.where}: it has none of their epochs"
        for i, row in shared:
            problem = _contradiction(row, {name: values[i] for name, values in measured.items()})
            if problem:
                return {}, f"not used: {self.where}: at epoch {epochs[i]} {problem}"
        names = [name for name in NAMES if any(name in row for _, row in shared)]
        found = {PREFIX + name: [self.by_epoch.get(e, {}).get(name) for e in epochs] for name in names}
        return found, (
            f"{self.where} fits them: {', '.join(names)} kept as {PREFIX}… at {len(shared)} epochs"
        )

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
                return _unsound(epoch)
            self.by_epoch[epoch] = dict(zip(NAMES, map(float, values), strict=True))
        return None


def _unsound(epoch: Any) -> str:
    return f"the values at epoch {str(epoch)[:24]} are no losses >= 0 and accuracies from 0 to 1"


def _sound(name: str, value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return is_number and value >= 0 and (value <= 1 or name.endswith("loss"))


def _contradiction(row: Mapping[str, float], measured: Mapping[str, float]) -> str | None:
    """Where reported values cannot be those of these weights."""
    for name in (name for name in NAMES if name in row and name in measured):
        theirs, ours = row[name], measured[name]
        tolerance = TOLERANCE
        if name.endswith("loss"):
            tolerance = LOSS_TOLERANCE[0] + LOSS_TOLERANCE[1] * max(theirs, ours)
        if abs(ours - theirs) > tolerance:
            return f"it says {name} {theirs:.4f}, measured {ours:.4f}"
    if "all_acc" in measured and "train_acc" in row and "test_acc" in row:
        low, high = sorted((row["train_acc"], row["test_acc"]))
        if not low - TOLERANCE <= measured["all_acc"] <= high + TOLERANCE:
            return (
                f"it says train_acc {row['train_acc']:.4f} and test_acc {row['test_acc']:.4f}, while on all "
                f"pairs the weights have {measured['all_acc']:.4f}"
            )
    return None

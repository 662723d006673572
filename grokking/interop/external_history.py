"""Losses and accuracies that came with the weights, stored if they fit what the weights do.

They stand in our history under ``reported_…``, in addition to what is measured here and never instead of it,
since it is unknown how they were computed.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from grokking.errors import UserError
from grokking.storage.atomic_io import read_json

NAMES = ("train_loss", "test_loss", "train_acc", "test_acc")
"""Ours; in this order everywhere."""
PARTS = {"train": ("train", "training"), "test": ("test", "val", "valid", "validation", "eval")}
QUANTITIES = {"loss": ("loss", "losses"), "acc": ("acc", "accs", "accuracy", "accuracies")}
KEYS = {
    f"{part}_{quantity}": tuple(
        key for p in PARTS[part] for q in QUANTITIES[quantity] for key in (f"{p}_{q}", f"{q}_{p}")
    )
    for part in PARTS
    for quantity in QUANTITIES
}
"""What they are called in files, by our name."""
AROUND = ("history", "metrics", "logs", "log", "curves", "results")
"""Keys of dicts in which they may lie."""
AXES = ("epochs", "log_epochs", "logged_epochs", "checkpoint_epochs", "steps", "log_steps")
"""Keys of the epochs of their values."""

Row = dict[str, float | None]


@dataclass
class Curves:
    """By our name: lists, or values at the file's one epoch. axes: lists of epochs in the same dict.

    Numbers only are asked for, one at a time, so that a long list costs nothing.
    """

    lists: dict[str, Sequence[Any] | Tensor] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    axes: list[list[Any]] = field(default_factory=list)

    @classmethod
    def of(cls, record: Mapping[Any, Any]) -> "Curves":
        """Those of a file's record."""
        curves = cls()
        inner = (record[key] for key in AROUND if isinstance(record.get(key), Mapping))
        for scope in (record, *inner):
            for name, keys in KEYS.items():
                found: Any = next((scope[key] for key in keys if key in scope), None)
                if isinstance(found, list | tuple) or (isinstance(found, Tensor) and found.dim() == 1):
                    if len(found):
                        curves.lists.setdefault(name, found)
                elif found is not None:
                    curves.values.setdefault(name, found)
            curves.axes += [_listed(scope[key]) for key in AXES if key in scope]
        return curves

    def rows(self, epochs: Sequence[int], late: int = 0) -> dict[int, Row]:
        """Their values at the file's epochs; None in place of anything but a number.

        late: 1 where the value at an epoch is that of the weights one step before. A list is placed by a
        list of epochs of its length, else by the networks in the file, else as one value per epoch.
        """
        rows: dict[int, Row] = {epoch: {} for epoch in epochs}
        for name, values in self.lists.items():
            for epoch, at in _places(len(values), epochs, self.axes, late).items():
                rows[epoch][name] = _number(values[at])
        if len(epochs) == 1:
            for name, value in self.values.items():
                rows[epochs[0]].setdefault(name, _number(value))
        return {epoch: row for epoch, row in rows.items() if row}


def _places(length: int, epochs: Sequence[int], axes: list[list[Any]], late: int) -> dict[int, int]:
    """Where in a list the value of each epoch stands; nothing for a list whose epochs are unknown."""
    axis = next((axis for axis in axes if len(axis) == length), None)
    if axis is None and length == len(epochs) > 1:
        axis = list(epochs)
    if axis is not None:
        at = {epoch: i for i, epoch in enumerate(axis)}
        return {epoch: at[epoch] for epoch in epochs if epoch in at}
    if length < max(epochs):
        return {}
    first = int(length == max(epochs)) + late
    return {epoch: epoch - first for epoch in epochs if epoch >= first}


def _listed(axis: Any) -> list[Any]:
    if isinstance(axis, Tensor):
        return list(axis.flatten().tolist())
    return list(axis) if isinstance(axis, list | tuple | range) else []


def _number(value: Any) -> float | None:
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


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

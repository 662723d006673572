"""Losses and accuracies in a file of weights: lists over the epochs, or one value each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

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

"""``history.json`` while it grows: one list per metric, all aligned with ``epochs``."""

from collections.abc import Mapping
from typing import Any

from grokking.config import RunConfig

Row = Mapping[str, Any]
SPIKES = "loss_spikes"
"""Column: how many slingshots (``metrics.slingshots``) began before the row's epoch."""


class History:
    """Rows in the order of their epochs. A metric that a row lacks is null there.

    So another version can resume a run: a metric that was added later is null in the rows before, and one
    that was dropped is null in the rows after.
    """

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.columns: dict[str, list[Any]] = {}

    def append(self, epoch: int, row: Row) -> None:
        """Add a row; raises ValueError if it is not newer."""
        if self.epochs and epoch <= self.epochs[-1]:
            raise ValueError(f"row {epoch} does not follow row {self.epochs[-1]}")
        for name in row:
            self.columns.setdefault(name, [None] * len(self.epochs))
        for name, values in self.columns.items():
            values.append(row.get(name))
        self.epochs.append(epoch)

    def truncate(self, epoch: int, log_every: int) -> None:
        """Drop rows after ``epoch``, and rows off the grid (a shorter run's last)."""
        keep = [i for i, e in enumerate(self.epochs) if e <= epoch and e % log_every == 0]
        self.epochs = [self.epochs[i] for i in keep]
        self.columns = {name: [values[i] for i in keep] for name, values in self.columns.items()}

    def record(self, config: RunConfig, extra: Row) -> dict[str, Any]:
        """The content of ``history.json``."""
        return {"config": config.as_dict(), **extra, "epochs": self.epochs, **self.columns}

    @classmethod
    def from_record(cls, record: Row) -> "History":
        """Inverse of ``record`` for its lists."""
        history = cls()
        history.epochs = list(record["epochs"])
        history.columns = {
            name: list(values)
            for name, values in record.items()
            if isinstance(values, list) and name != "epochs"
        }
        return history

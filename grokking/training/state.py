"""One run in memory, with its history: one list per metric, all aligned with ``epochs``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from grokking.config import RunConfig
from grokking.engines.parameters import Parameters
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory
from grokking.tasks.kinematics import KinematicsTask
from grokking.tasks.pairs import PairTask
from grokking.tasks.split import Split
from grokking.training.training_monitor import EVAL_EVERY, TrainingMonitor

Row = Mapping[str, Any]
SPIKES = "loss_spikes"
"""Column: how many slingshots (``metrics.events``) began before the row's epoch."""


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


MetricCallback = Callable[[int, dict[str, Any]], None]
"""Called with the epoch and the metrics of every new row of the history."""


@dataclass
class RunState:
    """What the training loop reads and writes; ``save`` puts it into the run directory."""

    config: RunConfig
    directory: RunDirectory
    task: PairTask | KinematicsTask
    split: Split
    parameters: Parameters
    history: History = field(default_factory=History)
    watch: TrainingMonitor = field(default_factory=TrainingMonitor)
    saved_epoch: int | None = None
    until_grokked: bool = False
    metric_callback: MetricCallback | None = None
    diverged_epoch: int | None = None

    @property
    def epoch(self) -> int:
        """Updates made so far."""
        return self.parameters.n_updates

    @property
    def finished(self) -> bool:
        """Whether all epochs are done."""
        return self.epoch >= self.config.n_epochs

    @property
    def ended(self) -> bool:
        """Whether to stop training the run: it is finished, or it has grokked and nothing more was asked.

        The row of that epoch is then in the history, and later epochs may be added as to any run.
        """
        grokked = self.until_grokked and self.watch.certain and self.epoch % self.config.log_every == 0
        return self.finished or grokked

    def epochs_to_next_event(self) -> int:
        """Updates until the next evaluation, row or scheduled checkpoint."""
        c = self.config
        grids = (EVAL_EVERY, c.log_every, c.checkpoint_every)
        return min(c.n_epochs - self.epoch, *(grid - self.epoch % grid for grid in grids))

    def save(self, kept: str) -> None:
        """Write history and weights."""
        self.watch.columns = sorted(self.history.columns)
        self.directory.save(
            Checkpoint(
                self.epoch,
                self.parameters.weights,
                self.config,
                kept,
                self.parameters.optimiser_state(),
                self.watch.as_dict(),
            ),
            self.record(),
        )
        self.saved_epoch = self.epoch

    def record(self) -> dict[str, Any]:
        """The content of ``history.json``."""
        noted = {**self.watch.grokking_epochs(), **self.watch.memorisation_epoch()}
        if self.diverged_epoch is not None:
            noted["diverged_epoch"] = self.diverged_epoch
        return self.history.record(self.config, noted)

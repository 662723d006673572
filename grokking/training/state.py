"""One run in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from grokking.config import RunConfig
from grokking.engines.parameters import Parameters
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory
from grokking.tasks.kinematics import KinematicsTask
from grokking.tasks.pairs import PairTask
from grokking.tasks.split import Split
from grokking.training.history import History
from grokking.training.training_monitor import EVAL_EVERY, TrainingMonitor

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
        return self.history.record(self.config, noted)

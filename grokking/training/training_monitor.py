"""The training monitor: when the network groks, and at which epochs a checkpoint is saved."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from grokking.metrics.events import GrokDetector, SlingshotCounter

EVAL_EVERY = 10
"""Epochs between evaluations of the test accuracy (definitions, ``grokking_epoch``)."""
KEEP_GROWTH = 0.05
"""A checkpoint is saved when the epoch has grown by this share since the last checkpoint …"""
RECOVERY_EVERY = 1000
"""Updates after which a recovery checkpoint is saved if no other checkpoint is due."""
KEEP_ACCURACY_STEP = 0.02
"""… or when the best test accuracy has grown by this much: some 50 more checkpoints while it rises."""


@dataclass
class TrainingMonitor:
    """The state of the monitor that must survive an interruption; ``as_dict`` goes into every checkpoint.

    clocks: of test accuracy by operation, and "" for the mean over them.  train_clock: of the mean
    train accuracy, None in a run whose beginning was not watched for it.  columns: names of the
    history's lists.  spikes: of the train loss of every epoch before the present one.
    """

    clocks: dict[str, GrokDetector] = field(default_factory=dict)
    train_clock: GrokDetector | None = field(default_factory=GrokDetector)
    best_accuracy: float = 0.0
    kept_accuracy: float = 0.0
    kept_epoch: int = 0
    columns: list[str] = field(default_factory=list)
    spikes: SlingshotCounter = field(default_factory=SlingshotCounter)

    def look(self, epoch: int, accuracies: dict[str, float]) -> None:
        """Take note of the test accuracies by operation."""
        mean = sum(accuracies.values()) / len(accuracies)
        self.best_accuracy = max(self.best_accuracy, mean)
        for name, accuracy in {"": mean, **accuracies}.items():
            self.clocks.setdefault(name, GrokDetector()).look(epoch, accuracy)

    def look_at_train(self, epoch: int, accuracies: dict[str, float]) -> None:
        """Take note of the train accuracies by operation."""
        if self.train_clock is not None:
            self.train_clock.look(epoch, sum(accuracies.values()) / len(accuracies))

    @property
    def memorising(self) -> bool:
        """Whether train accuracy must still be evaluated."""
        return self.train_clock is not None and self.train_clock.epoch is None

    @property
    def certain(self) -> bool:
        """Whether the run has grokked, in every operation, and nothing can change that any more."""
        grokked = bool(self.clocks) and all(clock.epoch is not None for clock in self.clocks.values())
        return grokked and not self.memorising

    def should_keep(self, epoch: int, checkpoint_every: int, keep: str = "film") -> bool:
        """Whether to save a checkpoint at this epoch; the rule uses earlier epochs only."""
        if epoch % checkpoint_every == 0:
            return True
        if epoch % EVAL_EVERY or keep == "few":
            return False
        grown = epoch - self.kept_epoch >= KEEP_GROWTH * epoch
        return grown or self.best_accuracy >= self.kept_accuracy + KEEP_ACCURACY_STEP

    def kept(self, epoch: int) -> None:
        """Take note that a checkpoint was saved because of ``should_keep``."""
        self.kept_epoch, self.kept_accuracy = epoch, self.best_accuracy

    def grokking_epochs(self) -> dict[str, int | None]:
        """``grokking_epoch`` and, with several operations, one per operation."""
        several = len(self.clocks) > 2
        return {
            "grokking_epoch" + (f"_{name}" if name else ""): clock.epoch
            for name, clock in self.clocks.items()
            if several or not name
        }

    def memorisation_epoch(self) -> dict[str, int | None]:
        """``memorisation_epoch``; empty where the run's beginning was not watched for it."""
        return {} if self.train_clock is None else {"memorisation_epoch": self.train_clock.epoch}

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready; ``from_dict`` reads it back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> "TrainingMonitor":
        """Inverse of ``as_dict``; raises ValueError for a record that no training loop wrote."""
        try:
            clocks = {name: GrokDetector(**clock) for name, clock in record["clocks"].items()}
            spikes = SlingshotCounter(**record.get("spikes", {}))
            train = record.get("train_clock")
            train_clock = None if train is None else GrokDetector(**train)
            parts = {"clocks": clocks, "train_clock": train_clock, "spikes": spikes}
            watch = cls(**{**record, **parts})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the state of a training monitor: {error}") from error
        for name, value, kinds in watch._parts():
            if type(value) not in kinds or (isinstance(value, float) and not math.isfinite(value)):
                raise ValueError(f"not the state of a training monitor: {name} is {value!r}")
        return watch

    def _parts(self) -> Iterator[tuple[str, Any, tuple[type, ...]]]:
        """Every value with the types it may have."""
        none = type(None)
        train = [] if self.train_clock is None else [self.train_clock]
        for clock in (*self.clocks.values(), *train):
            yield "since", clock.since, (int, none)
            yield "epoch", clock.epoch, (int, none)
        yield "best_accuracy", self.best_accuracy, (float,)
        yield "kept_accuracy", self.kept_accuracy, (float,)
        yield "kept_epoch", self.kept_epoch, (int,)
        yield "columns", self.columns, (list,)
        yield from (("columns", name, (str,)) for name in self.columns)
        yield "level", self.spikes.level, (float, none)
        yield "inside", self.spikes.inside, (bool,)
        yield "count", self.spikes.count, (int,)

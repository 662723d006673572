"""A run directory opened for reading, with its history as series of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from grokking.config import RunConfig
from grokking.config_fields import one_of
from grokking.engines import lookup
from grokking.errors import DamagedFile, UserError, warn
from grokking.from_config import shape_of, split_of, task_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import all_finite
from grokking.models.transformer.network import Network, OneLayerTransformer
from grokking.storage.run_directory import RunDirectory
from grokking.tasks import family_of
from grokking.tasks.pairs import PairTask
from grokking.tasks.split import Split


class Run:
    """One run: its config, history, and the weights that were kept.

    Opening checks every file against the run's manifest and warns of each that is damaged; damaged
    weights count as not kept. Reading raises UserError for what is missing and DamagedFile for
    damage, naming the file.
    """

    def __init__(self, path: Path | str, history_path: Path | None = None) -> None:
        self.directory = RunDirectory(Path(path))
        self.config: RunConfig = self.directory.config()
        self._history_path = history_path
        self.faults = self.directory.faults()
        for name, fault in self.faults.items():
            warn(f"{self.directory.path / name} {fault}")

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.directory.path.resolve().name

    @cached_property
    def history(self) -> dict[str, Any]:
        """``history.json``: one list per metric, aligned with ``"epochs"``, and single values."""
        return self.directory.history(self._history_path)

    @property
    def columns(self) -> dict[str, list[Any]]:
        """The lists of ``history`` alone, ``"epochs"`` first: ``pandas.DataFrame(run.columns)`` is a table.

        All are as long as ``"epochs"``, one entry per logged row, None where a row lacks the metric.
        """
        return {
            "epochs": self.history["epochs"],
            **{name: values for name, values in self.history.items() if isinstance(values, list)},
        }

    @cached_property
    def epochs(self) -> list[int]:
        """Epochs whose weights were kept and are sound, in order; never empty."""
        kept = self.directory.epochs()
        if not kept:
            raise UserError(f"{self.directory.path} has no checkpoint_e*.safetensors: no weights were kept")
        sound = [epoch for epoch in kept if self._name(epoch) not in self.faults]
        if not sound:
            raise DamagedFile(
                f"{self.directory.path}: every checkpoint is damaged, from "
                f"{self._name(kept[0])} to {self._name(kept[-1])}; "
                f"{'import' if self.config.imported else 'train'} the run again"
            )
        if sound[-1] < kept[-1]:
            warn(f"{self.directory.path}: the newest undamaged weights are those of epoch {sound[-1]}")
        return sound

    def _name(self, epoch: int) -> str:
        return self.directory.checkpoint_path(epoch).name

    def was_made_by(self, config: Any) -> bool:
        """Whether a record's config is this run's; fields that did not exist yet had their defaults."""
        try:
            return RunConfig.from_dict(config) == self.config
        except UserError:
            return False

    @property
    def final_epoch(self) -> int:
        """The last epoch with weights."""
        return self.epochs[-1]

    @cached_property
    def task(self) -> Any:
        """The run's questions and answers (``grokking.tasks.base.Task``), of whatever family."""
        return task_of(self.config)

    @property
    def has_pairs(self) -> bool:
        """Whether the task is about pairs of numbers, which have operations, grids and perhaps groups."""
        return isinstance(self.task, PairTask)

    @property
    def pair_task(self) -> PairTask:
        """The run's pairs, answers and groups; raises UserError where the task is not about pairs."""
        if isinstance(self.task, PairTask):
            return self.task
        raise UserError(
            f"{self.directory.path} is a run of {self.config.task}, which has no cyclic group and no "
            f"Fourier basis; {family_of(self.config.task).readers}"
        )

    def need_shared_tokens(self, reader: str) -> None:
        """Raises UserError for a run whose operations have operand tokens of their own."""
        if self.pair_task.separate:
            raise UserError(
                f"{self.directory.path} was trained with --operand_tokens separate; {reader} "
                "reads runs whose operations share their operand tokens"
            )

    @cached_property
    def split(self) -> Split | None:
        """Which pairs were trained on; None where it cannot be known."""
        known = {
            "unknown": lambda: None,
            "kept": self._kept_split,
            "drawn": lambda: split_of(self.config, self.task),
        }
        return one_of("split", self.config.split, known)()

    def _kept_split(self) -> Split:
        n_pairs = len(self.task.tokens)
        return Split.from_train(self.directory.train_rows(n_pairs), n_pairs)

    @property
    def known_split(self) -> Split:
        """``split``; raises UserError where it cannot be known."""
        if self.split is None:
            raise UserError(f"{self.directory.path} does not say what it was trained on")
        return self.split

    @cached_property
    def shape(self) -> Any:
        """Sizes of the model (``grokking.models.base.Shape``)."""
        return shape_of(self.config)

    def weights(self, epoch: int, finite: bool = True) -> dict[str, Tensor]:
        """The weights kept at an epoch, by name.

        Raises UserError for an epoch that was not kept, DamagedFile for weights that do not fit the config
        or, unless ``finite`` is False, are not all finite numbers: training never keeps such.
        """
        if (fault := self.faults.get(self._name(epoch))) is not None:
            raise DamagedFile(f"{self.directory.checkpoint_path(epoch)} {fault}")
        if epoch not in self.epochs:
            nearest = min(self.epochs, key=lambda kept: abs(kept - epoch))
            raise UserError(f"{self.directory.path} keeps no weights of epoch {epoch}; nearest: {nearest}")
        weights = self.directory.load(epoch).weights
        misfit = self.shape.misfit(weights)
        if misfit is not None:
            raise DamagedFile(
                f"{self.directory.checkpoint_path(epoch)} is damaged: {misfit} does not fit the run's config"
            )
        if finite and not all_finite(weights):
            raise DamagedFile(
                f"{self.directory.checkpoint_path(epoch)} holds weights that are no finite "
                "numbers; leave it out, or make it again"
            )
        return weights

    def model(self, epoch: int) -> Network:
        """The network of an epoch, ready to be called on tokens int64 [batch, n_ctx]."""
        kind = OneLayerTransformer if lookup.serves(self.shape) else Network
        return kind(self.shape, self.weights(epoch))

    def observe(self, epoch: int, finite: bool = True) -> ActivationCache:
        """The network of an epoch with its outputs on every row of the task, for all metrics.

        Raises as ``weights``.
        """
        return ActivationCache(self.weights(epoch, finite), self.shape, self.task)


def load_run(path: Path | str) -> Run:
    """Open a run directory.

    Raises UserError if it is not one.
    """
    run = Run(path)
    _ = run.epochs
    return run


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

"""What the atlas is about: one operation of a run at one epoch, everything computed when first asked for."""

from functools import cached_property
from typing import Any

import numpy as np

from grokking.drawing.panels import Curve
from grokking.errors import UserError
from grokking.figures.over_training import OverTraining
from grokking.films.subject import answer_label, config_line, index_label, logged
from grokking.groups.cyclic import CyclicGroup
from grokking.metrics.activations import ActivationCache
from grokking.metrics.attention import attention_grid, attention_of
from grokking.metrics.embedding import dominant_circle
from grokking.metrics.logits import GroupLogits
from grokking.metrics.neurons import (
    SinusoidFit,
    VarianceShares,
    fit_sinusoids,
    key_frequencies,
    mean_by_answer,
    variance_shares,
)
from grokking.metrics.phases import Phases, phases_of_run
from grokking.metrics.readout import neuron_logit_map
from grokking.metrics.registry import suffix_of
from grokking.runs.run import Run
from grokking.tasks.pairs import GroupGrid, Operation


class Scene:
    """One operation of a run, at one epoch, with what was measured over training.

    observed: the networks that ``observe`` keeps, by epoch.

    Raises UserError for an operation that the run lacks or an epoch whose weights were not kept.
    """

    def __init__(self, run: Run, operation: str | None = None, epoch: int | None = None) -> None:
        self.run = run
        with_group = [name for name in run.pair_task.names if run.pair_task.group(name) is not None]
        name = operation or (with_group or run.pair_task.names)[0]
        self.group: CyclicGroup | None = run.pair_task.cyclic_group(name)
        self.operation: Operation = next(op for op in run.pair_task.operations if op.name == name)
        self.epoch = run.final_epoch if epoch is None else epoch
        self.over = OverTraining([], {}, {})
        self.observed: dict[int, ActivationCache] = {}
        if self.epoch not in run.epochs:
            run.weights(self.epoch)  # raises, naming the nearest

    # The run

    @property
    def grid(self) -> GroupGrid:
        """All pairs of the group; raises UserError if the operation has none."""
        grid = self.run.pair_task.grid(self.operation.name)
        if grid is None:
            raise UserError(f"{self.operation.name} has no cyclic group, so no waves")
        return grid

    @property
    def n(self) -> int:
        """Order of the group."""
        return self.grid.n

    @property
    def config_line(self) -> str:
        """The run in words."""
        return config_line(self.run, self.operation)

    @property
    def suffix(self) -> str:
        """What this operation's values end in, in the history and in progress.json."""
        return suffix_of(self.operation.name, self.run.task)

    @cached_property
    def rows(self) -> np.ndarray:
        """Rows of the task's pairs that ask for this operation, int64."""
        number = self.run.pair_task.names.index(self.operation.name)
        return np.flatnonzero(self.run.pair_task.operation_of_pair == number)

    @cached_property
    def parts(self) -> dict[str, np.ndarray]:
        """Rows of this operation by part: train and test, or all where the split is unknown."""
        split = self.run.split
        if split is None:
            return {"all": self.rows}
        return {
            "train": np.intersect1d(self.rows, split.train),
            "test": np.intersect1d(self.rows, split.test),
        }

    # What it was like over training

    @cached_property
    def last_epoch(self) -> int:
        """The right end of every epoch axis."""
        return max([self.run.final_epoch, *self.run.history["epochs"][-1:]])

    @property
    def grokking_epoch(self) -> int | None:
        """As in the history; None if it never grokked or nobody can know."""
        return self.run.history.get("grokking_epoch" + self.suffix)

    @property
    def phases(self) -> Phases:
        """By the rule of ``grokking.metrics.phases``; the first one alone where there is no curve."""
        if not self.over.progress:
            return Phases()
        name = self.operation.name if self.suffix else None
        return phases_of_run(self.run.history, self.over.progress, name)

    def logged(self, name: str, meaning: str, dashed: bool = False) -> Curve:
        """A metric of the history, without its suffix."""
        return logged(self.run, name + self.suffix, meaning, dashed)

    def progress(self, name: str) -> np.ndarray:
        """A progress measure over ``progress_epochs``, float64 [E, …], NaN where it does not exist."""
        record = self.over.progress
        return np.array(record.get(name + self.suffix, record.get(name, [])), dtype=float)

    @property
    def progress_epochs(self) -> np.ndarray:
        """Epochs of ``progress``, int64."""
        return np.array(self.over.progress.get("epochs", []), dtype=int)

    # What it is like at the epoch

    def observe(self, epoch: int) -> ActivationCache:
        """The network of an epoch; those of this scene's epoch and of the last one are kept."""
        if epoch in (self.epoch, self.run.final_epoch):
            if epoch not in self.observed:
                self.observed[epoch] = self.run.observe(epoch)
            return self.observed[epoch]
        return self.run.observe(epoch)

    @property
    def seen(self) -> ActivationCache:
        """The network of this scene's epoch."""
        return self.observe(self.epoch)

    @property
    def final(self) -> ActivationCache:
        """The last network that was kept."""
        return self.observe(self.run.final_epoch)

    @cached_property
    def keys(self) -> tuple[int, ...]:
        """Key frequencies of the final model, most neurons first; they serve every epoch."""
        if self.group is None:
            return ()
        final = self.final.neuron_grid(self.grid)
        at_end = self.epoch == self.run.final_epoch
        return tuple(key_frequencies(self.shares if at_end else variance_shares(final)))

    @cached_property
    def circle(self) -> int | None:
        """The final model's dominant circle."""
        return dominant_circle(self.final.embedding(self.operation.name))

    @cached_property
    def shares(self) -> VarianceShares:
        """Which frequency explains each neuron."""
        return variance_shares(self.seen.neuron_grid(self.grid))

    @cached_property
    def fit(self) -> SinusoidFit:
        """The best sinusoid of each neuron's mean by answer."""
        return fit_sinusoids(mean_by_answer(self.seen.neuron_grid(self.grid), self.grid.s))

    @cached_property
    def logits(self) -> GroupLogits:
        """Logits on the group."""
        return GroupLogits.of(self.seen, self.grid, self.run.split)

    @cached_property
    def readout(self) -> np.ndarray:
        """W_L, float64 [d_mlp, n]."""
        return neuron_logit_map(self.seen, self.grid)

    @property
    def embedding(self) -> np.ndarray:
        """W_E in group order, centred, float64 [n, d_model]."""
        return self.seen.embedding(self.operation.name)

    @cached_property
    def attention(self) -> Any:
        """Attention of the last position over all pairs, float32 [m, m, n_heads, 3].

        In group order, or over residues where there is no group.
        """
        if self.group is not None:
            return attention_grid(self.seen, self.grid)
        tokens = self.run.pair_task.tokens[self.rows]
        return attention_of(self.seen, tokens).view(self.run.pair_task.p, -1, self.run.shape.n_heads, 3)

    # Words

    def index_label(self, residue: str) -> str:
        """The axis of an operand or a class: ``a``, or ``log₃(a)``."""
        return index_label(self.grid, residue) if self.group is not None else residue

    def answer_label(self, factor: str = "") -> str:
        """The axis of answers."""
        return answer_label(self.grid, self.operation, factor)

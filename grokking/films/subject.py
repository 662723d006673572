"""What a film is about: one operation of a run, its final model, its history as curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokking.drawing.panels import Curve
from grokking.errors import DamagedFile, UserError
from grokking.metrics.activations import ActivationCache
from grokking.metrics.neurons import key_frequencies, variance_shares
from grokking.metrics.registry import suffix_of
from grokking.runs.run import Run
from grokking.tasks.pairs import GroupGrid, Operation

SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True)
class Subject:
    """One operation of a run with all that every film of it needs.

    final: the last kept model.  keys: its key frequencies, most neurons first, often none.
    """

    run: Run
    operation: Operation
    grid: GroupGrid
    final: ActivationCache
    keys: tuple[int, ...]

    @classmethod
    def of(cls, run: Run, operation: str | None = None) -> "Subject":
        """The named operation, or the first that has a group; raises UserError if there is none."""
        names = [name for name in run.pair_task.names if run.pair_task.grid(name) is not None]
        if operation is None and not names:
            raise UserError(
                f"the task {run.config.task} has no cyclic group, so no Fourier film; "
                "films are for runs of add, sub, mul or div"
            )
        name = names[0] if operation is None else operation
        grid = run.pair_task.grid(name)
        if grid is None:
            raise UserError(
                f"{name} has no cyclic group, so no Fourier film; "
                f"of this run's operations, {', '.join(names) or 'none'} can be shown"
            )
        run.pair_task.cyclic_group(name)  # refuses a group without circles
        final = run.observe(run.final_epoch)
        keys = tuple(key_frequencies(variance_shares(final.neuron_grid(grid))))
        chosen = next(op for op in run.pair_task.operations if op.name == name)
        return cls(run, chosen, grid, final, keys)

    @property
    def n(self) -> int:
        """Order of the group."""
        return self.grid.n

    @property
    def config_line(self) -> str:
        """The config in words, for the frame."""
        return config_line(self.run, self.operation)

    @property
    def key_text(self) -> str:
        """The key frequencies of the final model in words."""
        if not self.keys:
            return "no key frequency"
        some = ", ".join(map(str, self.keys[:6])) + ", …" * (len(self.keys) > 6)
        return f"final key frequenc{'ies' if len(self.keys) > 1 else 'y'} {some}"

    def index_label(self, residue: str) -> str:
        """The group index of a residue in words: ``x``, or ``log₃(x)``."""
        return index_label(self.grid, residue)

    def answer_label(self, factor: str = "") -> str:
        """The answer's group index in words: ``(a + b) mod 113``, ``24 · log₃(a · b) mod 112``."""
        return answer_label(self.grid, self.operation, factor)

    # History

    @property
    def suffix(self) -> str:
        """What this operation's values in the history end in."""
        return suffix_of(self.operation.name, self.run.task)

    def logged(self, name: str, meaning: str, dashed: bool = False) -> Curve:
        """A metric of the history, without its suffix, as a curve."""
        return logged(self.run, name + self.suffix, meaning, dashed)

    def train_and_test(self, metric: str) -> list[Curve]:
        """``"acc"`` or ``"loss"`` on both parts of the split, or on all pairs where it is unknown."""
        if f"all_{metric}{self.suffix}" in self.run.history:
            return [self.logged(f"all_{metric}", "all_pairs")]
        return [self.logged(f"{part}_{metric}", part) for part in ("train", "test")]

    @property
    def last_epoch(self) -> int:
        """The right end of every epoch axis."""
        return max([self.run.final_epoch, *self.run.history["epochs"][-1:]])


def config_line(run: Run, operation: Operation) -> str:
    """A run's config in words, on one line."""
    c = run.config
    how = c.in_words("train_frac", "weight_decay", "lr")
    beside = [name for name in run.pair_task.names if name != operation.name]
    parts = [
        run.pair_task.formula(operation.name) + f" (beside {', '.join(beside)})" * bool(beside),
        *how,
        f"{c.d_mlp} neurons",
        *c.in_words("seed"),
    ]
    return "    ".join(parts)


def index_label(grid: GroupGrid, residue: str) -> str:
    """The group index of a residue in words: ``x``, or ``log₃(x)``."""
    return grid.cyclic.axis_label.replace("log_", "log").translate(SUBSCRIPTS).format(x=residue)


def answer_label(grid: GroupGrid, operation: Operation, factor: str = "") -> str:
    """The answer's group index in words: ``(a + b) mod 113``, ``24 · log₃(a · b) mod 112``."""
    additive = grid.group.name == "additive"
    index = index_label(grid, f"({operation.symbol})" if additive else operation.symbol)
    return f"{factor} · {index} mod {grid.n}" if factor else f"{index} mod {grid.n}"


def logged(run: Run, key: str, meaning: str, dashed: bool = False) -> Curve:
    """A list of the history, by its whole name, as a curve; raises DamagedFile if it is not there."""
    history = run.history
    if not history["epochs"]:
        raise DamagedFile("the history has no rows; train the run again, or further")
    if not isinstance(history.get(key), list):
        raise DamagedFile(f"the history has no {key}; is it of another version or operation?")
    return Curve(np.array(history["epochs"]), _numbers(history[key], key), meaning, dashed)


def _numbers(values: Sequence[Any], key: str) -> np.ndarray:
    try:
        return np.array(values, dtype=float)  # None, where a metric does not exist, becomes NaN
    except (ValueError, TypeError) as error:
        raise DamagedFile(f"{key} in the history is damaged: {error}") from error

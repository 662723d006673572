"""What a metric is, and the registry of them: a new number is one module here and its test.

A metric says in which file its values are written, for which tasks it exists, and where it is shown. A run
made before a metric existed can be continued: its earlier rows have null in the new columns.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from grokking.errors import UserError
from grokking.metrics.activations import ActivationCache
from grokking.registry import Registry
from grokking.tasks.base import CurveSpec
from grokking.tasks.pairs import GroupGrid, PairTask
from grokking.tasks.split import Split

Row = dict[str, Any]
"""Column to a float, an int, a list of numbers, or None where the value does not exist."""
SHARE_DIGITS = 6
"""Digits of values in long lists."""
NEURONS, EMBEDDING = "neurons", "embedding"
"""Parts that a model may lack: neurons, and an embedding W_E of every token."""
HISTORY, PROGRESS = "history", "progress"
"""When a metric is taken: for every row of history.json, or for every checkpoint into progress.json."""
EITHER_WAY = math.nan
"""Among ``Metric.goals``: of a share, which grokking may raise or lower."""


@dataclass(frozen=True)
class Scope:
    """What is measured: a network, and of several operations which.

    acts: the network with its activations.  split: None where it cannot be known.  operation, grid: for
    metrics of one operation with a group; grid is its pairs in group order.  key_frequencies, circle: of
    the final model, for metrics of ``PROGRESS``; the first may be empty, the second None.
    """

    acts: ActivationCache
    split: Split | None
    operation: str = ""
    grid: GroupGrid | None = None
    key_frequencies: tuple[int, ...] = ()
    circle: int | None = None

    @property
    def pairs(self) -> GroupGrid:
        """``grid``; raises ValueError where there is none."""
        if self.grid is None:
            raise ValueError("this metric needs an operation with a group")
        return self.grid


def any_task(task: Any) -> bool:  # noqa: ARG001
    """For metrics that exist for every task."""
    return True


def with_pairs(task: Any) -> bool:
    """For metrics of tasks about pairs of numbers."""
    return isinstance(task, PairTask)


@dataclass(frozen=True)
class Metric:
    """One or several numbers that belong together: an entry of ``METRICS``.

    name: as ``--measures`` takes it. measure: a scope to its columns. columns: their names, without an
    operation's suffix; one that ends in ``_`` stands for all that begin so. per_operation: whether it is
    taken once for every operation that has a group, each value with the operation as suffix where there
    are several. applies: the tasks that have it. when: ``HISTORY`` or ``PROGRESS``. default: whether it
    is taken unasked; costly ones are not. needs: what the network must have, of ``NEURONS`` and
    ``EMBEDDING``; in one that lacks it the columns are null. table: columns that ``grokking compare``
    prints. curves: panels of its picture. goals: columns of ``PROGRESS`` that early warning watches, each
    with the bound on the side to which grokking moves it: a number, infinite where there is no bound, or
    ``EITHER_WAY``. rank: order of the columns.
    """

    name: str
    measure: Callable[[Scope], Row]
    columns: Sequence[str]
    per_operation: bool = False
    applies: Callable[[Any], bool] = any_task
    when: str = HISTORY
    default: bool = True
    needs: frozenset[str] = frozenset()
    table: Sequence[str] = ()
    curves: Sequence[CurveSpec] = field(default_factory=tuple)
    goals: Mapping[str, float] = field(default_factory=dict)
    rank: int = 100


METRICS: Registry[Metric] = Registry("metric", "grokking.metrics", "grokking.metrics")


def chosen(task: Any, when: str, extra: Sequence[str] = ()) -> list[Metric]:
    """The metrics taken of a task at a time: the default ones, and those named in ``extra``.

    Raises UserError for an unknown name, or a metric that the task does not have.
    """
    for name in extra:
        if not METRICS.get(name).applies(task):
            raise UserError(
                f"metric {name!r} does not exist for the task {task.title}; leave it out of --measures"
            )
    return [
        metric
        for metric in METRICS
        if metric.when == when and metric.applies(task) and (metric.default or metric.name in extra)
    ]


def rounded(values: Float[np.ndarray, "m"]) -> list[float]:
    """A long list as it is written: ``SHARE_DIGITS`` digits each."""
    return [float(f"{x:.{SHARE_DIGITS}g}") for x in values]


def suffix_of(operation: str, task: Any) -> str:
    """``""`` for a task of one operation, ``"_add"`` and the like otherwise."""
    return f"_{operation}" if len(task.names) > 1 else ""


def measured(metrics: Sequence[Metric], acts: ActivationCache, scopes: Sequence[Scope]) -> Row:
    """The columns of all metrics, each in one scope or once for every operation.

    scopes: the network as a whole first, then each operation that has a group.
    """
    whole, *operations = scopes
    row: Row = {}
    for metric in (m for m in metrics if not m.per_operation):
        row |= _columns(metric, whole)
    for scope in operations:
        suffix = suffix_of(scope.operation, acts.task)
        for metric in (m for m in metrics if m.per_operation):
            row |= {column + suffix: value for column, value in _columns(metric, scope).items()}
    return row


def _columns(metric: Metric, scope: Scope) -> Row:
    """The columns of a metric; null in a network that lacks what it needs."""
    if metric.needs <= _present(scope.acts):
        return metric.measure(scope)
    return {name: None for name in metric.columns if not name.endswith("_")}


def _present(acts: ActivationCache) -> set[str]:
    present = {NEURONS} if acts.outputs.has_neurons else set()
    return present | ({EMBEDDING} if "embedding" in acts.matrices else set())


def scopes_of(acts: ActivationCache, split: Split | None) -> list[Scope]:
    """The network as a whole, then each of its operations that has a group."""
    whole = [Scope(acts, split)]
    if not with_pairs(acts.task):
        return whole
    grids = {name: acts.task.grid(name) for name in acts.task.names}
    return whole + [Scope(acts, split, name, grid) for name, grid in grids.items() if grid is not None]


def listing() -> str:
    """All metrics, one a line: name, file, columns, and whether it must be asked for."""
    lines = []
    for metric in METRICS:
        asked = "" if metric.default else "  (only with --measures)"
        lines.append(f"{metric.name:24} {metric.when:8}  {', '.join(metric.columns)}{asked}")
    return "\n".join(lines)

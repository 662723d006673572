"""What a task is to everything else, and what a family of tasks brings: options, vocabulary, columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from grokking.config_fields import Options

N_CTX = 3
"""Tokens of a question with two operands: ``[a, b, operation]``."""


@dataclass(frozen=True)
class Vocabulary:
    """What a model must know of a task.

    n_numbers: operand tokens; they come first.  n_ops: operation tokens, and any others behind them.
    n_classes: answer classes that the model trains on.  n_sets: into how many sets of the same numbers the
    operand tokens fall, one for each operation where those share none.  n_ctx: tokens of a question.
    scalars: per operand position the values of its tokens, where an embedding is a function of a value; empty
    where every token has an embedding of its own.  n_extra: how many of the last tokens no question has.
    """

    n_numbers: int
    n_ops: int
    n_classes: int
    n_sets: int = 1
    n_ctx: int = N_CTX
    scalars: tuple[tuple[float, ...], ...] = ()
    n_extra: int = 0


class Task(Protocol):
    """Questions in rows, each with one right answer class."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the operations; with several they are the suffixes of per-task values."""
        ...

    @property
    def title(self) -> str:
        """What is asked, in a few words."""
        ...

    @property
    def vocabulary(self) -> Vocabulary:
        """Tokens and classes."""
        ...

    @property
    def n_answers(self) -> int:
        """Classes that can be right: 0 … n_answers - 1."""
        ...

    @property
    def tokens(self) -> np.ndarray:
        """int64 [N, n_ctx]: the operands, then the operation."""
        ...

    @property
    def answers(self) -> np.ndarray:
        """int64 [N]."""
        ...

    @property
    def operation_of_pair(self) -> np.ndarray:
        """int64 [N]: index into ``names``."""
        ...

    def candidates(self, operation: int) -> np.ndarray:
        """Rows of an operation that are split into train and test, increasing."""
        ...


@dataclass(frozen=True)
class CurveSpec:
    """A panel of a comparison of runs: columns of the history over epochs.

    A panel whose title is that of another panel adds its columns to it.
    columns: a column, the meaning that colours it, the label of its curve.  logarithmic: the vertical axis.
    """

    title: str
    columns: tuple[tuple[str, str, str], ...]
    logarithmic: bool = False


class TaskFamily(Protocol):
    """A kind of task: an entry of ``TASK_FAMILIES``."""

    @property
    def name(self) -> str:
        """The family's name, in messages and help texts."""
        ...

    @property
    def options(self) -> type[Options]:
        """The options that a config with a task of this family has."""
        ...

    @property
    def accepted(self) -> str:
        """The task names of this family, in words, for help texts and messages."""
        ...

    @property
    def readers(self) -> str:
        """Which commands read the runs of this family, in words: part of the message of one that does not."""
        ...

    @property
    def handlers(self) -> Mapping[str, str]:
        """What a command calls for the runs of this family, where that is not what it calls for all others.

        By command: "measure" (path to the path of its file), "tables" (measured runs to markdown), "record"
        (run and output folder to a path); each as ``"package.module:function"``, imported when it is needed.
        """
        ...

    @property
    def shown(self) -> Sequence[str]:
        """Fields of the config that a table of its runs shows."""
        ...

    @property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """Named configs that this family brings."""
        ...

    def claims(self, task: str) -> bool:
        """Whether a task's name, as given with ``--task``, is one of this family."""
        ...

    def make(self, task: str, options: Any) -> Task:
        """The task itself; raises UserError for options that do not fit the name."""
        ...

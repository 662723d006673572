"""What training needs of a task, whatever it is about, and which task a config asks for."""

from typing import Protocol

import numpy as np

from grokking.config import KINEMATICS, SEPARATE, RunConfig
from grokking.tasks.kinematics import KinematicsTask
from grokking.tasks.modular import Task, make_task


class Questions(Protocol):
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


def problem_of(config: RunConfig) -> Task | KinematicsTask:
    """The task of a config; raises UserError if it names none."""
    return (
        KinematicsTask(config)
        if config.family == KINEMATICS
        else make_task(config.p, config.task, config.operand_tokens == SEPARATE)
    )

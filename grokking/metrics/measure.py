"""The row of ``history.json`` that belongs to a task."""

from collections.abc import Mapping

from torch import Tensor

from grokking.metrics.activations import HeightActivations, PairActivations
from grokking.metrics.heights import measure_heights
from grokking.metrics.history_row import Row, measure_row
from grokking.models.transformer import ModelShape
from grokking.tasks.kinematics import KinematicsTask
from grokking.tasks.modular import Split, Task


def measure(
    weights: Mapping[str, Tensor], shape: ModelShape, task: Task | KinematicsTask, split: Split
) -> Row:
    """All metrics of one epoch."""
    if isinstance(task, KinematicsTask):
        return measure_heights(HeightActivations(weights, shape, task), split)
    return measure_row(PairActivations(weights, shape, task), split)

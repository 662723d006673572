"""The row of ``history.json`` that belongs to a task."""

from collections.abc import Mapping

from torch import Tensor

from grokking.metrics.activations import ActivationCache
from grokking.metrics.heights import measure_heights
from grokking.metrics.history_row import Row, measure_row
from grokking.models.transformer import ModelShape
from grokking.tasks.kinematics import KinematicsTask
from grokking.tasks.pairs import PairTask
from grokking.tasks.split import Split


def measure(
    weights: Mapping[str, Tensor], shape: ModelShape, task: PairTask | KinematicsTask, split: Split
) -> Row:
    """All metrics of one epoch."""
    if isinstance(task, KinematicsTask):
        return measure_heights(ActivationCache(weights, shape, task), split)
    return measure_row(ActivationCache(weights, shape, task), split)

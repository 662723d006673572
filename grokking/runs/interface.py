"""What ``import grokking`` offers to a person at a Python prompt; see docs/python.md."""

from typing import Any

from torch import nn

from grokking.errors import UserError
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import measure_row
from grokking.models.transformer.network import Network
from grokking.runs.run import load_run
from grokking.tasks.modular import make_task
from grokking.tasks.pairs import PairTask
from grokking.tasks.split import Split

__all__ = ["load_run", "measure"]


def measure(model: nn.Module, task: PairTask | str, split: Split | None = None) -> dict[str, Any]:
    """Every metric of ``history.json`` for one network.

    model: a ``Network`` (``OneLayerTransformer`` is one), from ``run.model(epoch)`` or made by hand; it may
    have been changed in place.  task: a run's, or its operations as in ``"add"`` or ``"add,mul"``, mod the
    model's number of operands.  split: a run's, for train and test values; without one, losses and
    accuracies are over all pairs.

    Raises UserError for a model of another kind or one that was made for another task.
    """
    if not isinstance(model, Network):
        raise UserError(
            f"measure takes a OneLayerTransformer or another Network, not {type(model).__name__}; import "
            "weights of other networks with grokking import"
        )
    shape = model.shape
    task = make_task(shape.n_answers, task, shape.n_sets > 1) if isinstance(task, str) else task
    if (shape.n_answers, shape.n_numbers) != (task.p, task.n_numbers) or shape.most_operations < len(
        task.names
    ):
        raise UserError(
            f"this model reads numbers below {shape.n_answers} and {shape.most_operations} operations; "
            f"the task has p = {task.p} and {', '.join(task.names)}"
        )
    return measure_row(ActivationCache(model.weights, model.shape, task), split)

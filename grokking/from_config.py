"""The objects that a config names: its task, its split, the shape of its model, its initial weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from grokking.config import RunConfig
from grokking.models import MODELS
from grokking.tasks import family_of
from grokking.tasks.base import Task
from grokking.tasks.split import Split, draw_split

if TYPE_CHECKING:  # help texts need no PyTorch
    from torch import Tensor


def task_of(config: RunConfig) -> Any:
    """The task (``grokking.tasks.base.Task``) of a config."""
    return family_of(config.task).make(config.task, config.task_options)


def shape_of(config: RunConfig) -> Any:
    """The shape (``grokking.models.base.Shape``) of a config's model, with the tokens of its task."""
    return MODELS.get(config.model).shape(config.model_options, task_of(config).vocabulary)


def split_of(config: RunConfig, task: Task | None = None) -> Split:
    """The split that a config draws; raises UserError where a part would be empty.

    task: the config's own, if it is at hand.
    """
    return draw_split(task or task_of(config), config.train_frac, config.seed, config.init_scheme)


def initial_weights(config: RunConfig) -> "Mapping[str, Tensor]":
    """Float32 weights of epoch 0, as the config's model draws them from its seed."""
    return MODELS.get(config.model).initial_weights(shape_of(config), config.seed, config.init_scheme)

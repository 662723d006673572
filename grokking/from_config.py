"""The objects that a config names: its task, its split, the shape of its model, its initial weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from grokking.config import RunConfig
from grokking.gradient_filters import GRADIENT_FILTERS
from grokking.models import MODELS
from grokking.optim import OPTIMISERS
from grokking.optim.base import n_numbers, state_sizes
from grokking.tasks import family_of
from grokking.tasks.base import Task
from grokking.tasks.split import Split, draw_split

if TYPE_CHECKING:  # help texts need no PyTorch
    from torch import Tensor

FILTER_STATE = "filter_"
"""How the names of a gradient filter's states begin, so that no optimiser's state is called the same."""


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


def state_sizes_of(config: RunConfig) -> dict[str, dict[str, tuple[int, ...]]]:
    """Shapes of what optimiser and gradient filter remember, by the state's name, then by parameter.

    A filter's states are called ``filter_<state>``.
    """
    sizes = shape_of(config).parameter_shapes()
    found = state_sizes(OPTIMISERS.get(config.optimiser), sizes)
    of_filter = GRADIENT_FILTERS.get(config.gradient_filter)
    for name, size in sizes.items():
        for state, shape in of_filter.state_shapes(name, size, config.gradient_filter_options).items():
            found.setdefault(FILTER_STATE + state, {})[name] = tuple(shape)
    return found


def n_state_numbers_of(config: RunConfig) -> int:
    """How many numbers the optimiser and the gradient filter of a config remember."""
    return sum(map(n_numbers, state_sizes_of(config).values()))

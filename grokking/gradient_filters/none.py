"""No filter: the optimiser gets the gradient as the engine computed it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from grokking.config_fields import Options
from grokking.gradient_filters import GRADIENT_FILTERS, NO_FILTER
from grokking.gradient_filters.base import WithoutMemory

if TYPE_CHECKING:
    from torch import Tensor

    from grokking.gradient_filters.base import Tensors


class NoFilter(WithoutMemory):
    """The entry "none"."""

    name = NO_FILTER
    rank = 10
    options = Options
    idle = True

    def apply(
        self,
        weights: "Tensors",
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",
        options: Options,
        n_updates: "int | Tensor",
    ) -> None:
        """Nothing is changed."""


GRADIENT_FILTERS.register(NoFilter())

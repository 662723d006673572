"""⊥Grad (Prieto et al. 2025, arXiv 2501.04697, section 5): no step along the weights themselves.

Once all train pairs are answered right, the loss falls by scaling the weights up, which changes no answer.
For every parameter tensor w with gradient g, taken as vectors,

    g⊥ = g - (w · g / w · w) w,   g ← g⊥ |g| / |g⊥|.

The second step gives the gradient its length back, as the authors' implementation does.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from grokking.config_fields import Options
from grokking.gradient_filters import GRADIENT_FILTERS
from grokking.gradient_filters.base import WithoutMemory

if TYPE_CHECKING:
    from torch import Tensor

    from grokking.gradient_filters.base import Tensors

TINY = 1e-30
"""Added to what is divided by: a parameter of zeros, as a bias at the start, has its gradient unchanged."""


class Orthogonal(WithoutMemory):
    """The entry "orthogonal"."""

    name = "orthogonal"
    options = Options

    def apply(
        self,
        weights: "Tensors",
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",  # noqa: ARG002
        options: Options,  # noqa: ARG002
        n_updates: "int | Tensor",  # noqa: ARG002
    ) -> None:
        """As ``GradientFilter.apply``."""
        for name, w in weights.items():
            g = gradients[name]
            before = g.norm()
            g.sub_(w * ((w * g).sum() / ((w * w).sum() + TINY)))
            g.mul_(before / (g.norm() + TINY))


GRADIENT_FILTERS.register(Orthogonal())

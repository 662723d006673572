"""Grokfast-EMA (Lee et al. 2024, arXiv 2405.20233, algorithm 2): slow gradients are amplified.

    m ← α m + (1 - α) g,   g ← g + λ m,

with m = g before the first update. The paper's values for modular multiplication are α = 0.98 and λ = 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokking.config_fields import Options, option, require
from grokking.gradient_filters import GRADIENT_FILTERS

if TYPE_CHECKING:
    from torch import Tensor

    from grokking.gradient_filters.base import Tensors


@dataclass(frozen=True)
class GrokfastEmaOptions(Options):
    """The config fields of Grokfast-EMA."""

    filter_decay: float = option(0.98, "decay rate α of the running mean of gradients")
    filter_gain: float = option(2.0, "factor λ of the mean that is added to the gradient")

    def check(self) -> None:
        """Raises UserError, naming the field."""
        require(0 <= self.filter_decay < 1, "filter_decay", self.filter_decay, "0 or above, below 1")
        require(self.filter_gain >= 0, "filter_gain", self.filter_gain, "0 or above")


class GrokfastEma:
    """The entry "grokfast_ema"."""

    name = "grokfast_ema"
    options = GrokfastEmaOptions

    def state_shapes(
        self,
        name: str,  # noqa: ARG002
        size: tuple[int, ...],
        options: GrokfastEmaOptions,  # noqa: ARG002
    ) -> dict[str, tuple[int, ...]]:
        """The running mean."""
        return {"mean": size}

    def apply(
        self,
        weights: "Tensors",  # noqa: ARG002
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",
        options: GrokfastEmaOptions,
        n_updates: "int | Tensor",
    ) -> None:
        """As ``GradientFilter.apply``."""
        # The mean begins as the first gradient: it takes the whole of that and keeps nothing of the zeros.
        first = (n_updates == 0) * 1.0
        keep = options.filter_decay * (1 - first)
        for name, g in gradients.items():
            mean = state["mean"][name]
            mean.mul_(keep).add_(g * (1 - keep))
            g.add_(mean, alpha=options.filter_gain)


GRADIENT_FILTERS.register(GrokfastEma())

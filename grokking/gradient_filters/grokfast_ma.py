"""Grokfast-MA (Lee et al. 2024, arXiv 2405.20233, algorithm 1): g ← g + λ · mean of the last w gradients.

Nothing is added until w gradients have been seen. The paper's values are w = 100 and λ = 5.

The mean of a sliding window is computed without subtracting what leaves it, which would leave rounding errors
of early, large gradients among later, small ones: the gradients of the present block of w are summed as they
come (``block``); of the block before, ``window`` holds sums from each place to the block's end. When a block
is full, its gradients are turned into such sums.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokking.config_fields import Options, option, require
from grokking.gradient_filters import GRADIENT_FILTERS

if TYPE_CHECKING:
    from torch import Tensor

    from grokking.gradient_filters.base import Tensors

LONGEST_WINDOW = 10_000


@dataclass(frozen=True)
class GrokfastMaOptions(Options):
    """The config fields of Grokfast-MA."""

    filter_window: int = option(100, "gradients in the window of the mean")
    filter_gain: float = option(5.0, "factor λ of the mean that is added to the gradient")

    def check(self) -> None:
        """Raises UserError, naming the field."""
        ok = 1 <= self.filter_window <= LONGEST_WINDOW
        require(ok, "filter_window", self.filter_window, f"an integer, 1 to {LONGEST_WINDOW}")
        require(self.filter_gain >= 0, "filter_gain", self.filter_gain, "0 or above")


class GrokfastMa:
    """The entry "grokfast_ma"."""

    name = "grokfast_ma"
    options = GrokfastMaOptions

    def state_shapes(
        self,
        name: str,  # noqa: ARG002
        size: tuple[int, ...],
        options: GrokfastMaOptions,
    ) -> dict[str, tuple[int, ...]]:
        """The window with one place more, which stays zero, and the sum of the present block."""
        return {"window": (options.filter_window + 1, *size), "block": size}

    def apply(
        self,
        weights: "Tensors",  # noqa: ARG002
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",
        options: GrokfastMaOptions,
        n_updates: "int | Tensor",
    ) -> None:
        """As ``GradientFilter.apply``."""
        length = options.filter_window
        for name, g in gradients.items():
            _push(g, state["window"][name], state["block"][name], n_updates, length)
            total = state["block"][name] + _at(state["window"][name], n_updates % length + 1)
            full = (n_updates + 1 >= length) * 1.0
            g.add_(total * (full * options.filter_gain / length))


def _push(g: "Tensor", window: "Tensor", block: "Tensor", n: "int | Tensor", length: int) -> None:
    """Put the gradient of update ``n`` into its place; a block that begins finds the one before summed up."""
    if isinstance(n, int):
        if n % length == 0:
            window.copy_(_sums_to_the_end(window))
            block.zero_()
        window[n % length] = g
    else:  # a GPU replays both cases
        import torch

        begins = n % length == 0
        window.copy_(torch.where(begins, _sums_to_the_end(window), window))
        block.mul_(1 - begins * 1.0)
        window.index_copy_(0, (n % length).long().reshape(1), g[None])
    block.add_(g)


def _sums_to_the_end(window: "Tensor") -> "Tensor":
    return window.flip(0).cumsum(0).flip(0)


def _at(window: "Tensor", place: "int | Tensor") -> "Tensor":
    if isinstance(place, int):
        return window[place]
    return window.index_select(0, place.long().reshape(1))[0]


GRADIENT_FILTERS.register(GrokfastMa())

"""AdamW: Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101, algorithm 2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokking.config_fields import option, require
from grokking.optim import OPTIMISERS
from grokking.optim.base import OptimiserOptions

if TYPE_CHECKING:
    from torch import Tensor

    from grokking.optim.base import Tensors

EPS = 1e-8
"""Added to the root of the second moment, as in the paper's experiments."""


@dataclass(frozen=True)
class AdamWOptions(OptimiserOptions):
    """The config fields of AdamW."""

    betas: tuple[float, float] = option(
        (0.9, 0.98), "decay rates of the two moments", metavar=("BETA1", "BETA2")
    )

    def check(self) -> None:
        """Raises UserError, naming the field."""
        super().check()
        require(all(0 <= b < 1 for b in self.betas), "betas", self.betas, "two numbers, 0 <= beta < 1")


class AdamW:
    """The entry "adamw"."""

    name = "adamw"
    rank = 10
    options = AdamWOptions
    elementwise = True

    def state_shapes(self, name: str, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:  # noqa: ARG002
        """Running means of the gradient and of its square."""
        return {"exp_avg": size, "exp_avg_sq": size}

    def step(
        self,
        weights: "Tensors",
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",
        options: AdamWOptions,
        lr: "float | Tensor",
        n_updates: int,
    ) -> None:
        """One update, by PyTorch's fused kernel."""
        raise NotImplementedError


OPTIMISERS.register(AdamW())

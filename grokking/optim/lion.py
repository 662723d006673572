"""Lion (Chen et al. 2023, arXiv 2302.06675, program 1): the sign of an interpolated momentum.

c = β₁ m + (1 - β₁) g, w ← (1 - lr λ) w - lr sign(c), m ← β₂ m + (1 - β₂) g.

The paper's β are 0.9 and 0.99; it advises a rate 3 to 10 times smaller than AdamW's and a decay as much
larger, hence the defaults.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokking.config_fields import option
from grokking.optim import OPTIMISERS
from grokking.optim.adamw import AdamWOptions
from grokking.optim.base import WithMomentum

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class LionOptions(AdamWOptions):
    """The config fields of Lion."""

    lr: float = option(1e-4, "learning rate")
    weight_decay: float = option(10.0, "weight decay, decoupled from the gradient")
    betas: tuple[float, float] = option(
        (0.9, 0.99), "share of the momentum in the step; its decay rate", metavar=("BETA1", "BETA2")
    )


class Lion(WithMomentum):
    """The entry "lion"."""

    name = "lion"
    rank = 40
    options = LionOptions

    def step_of_one(
        self, w: "Tensor", g: "Tensor", m: "Tensor", options: LionOptions, lr: "float | Tensor"
    ) -> None:
        """One update."""
        beta1, beta2 = options.betas
        direction = m.mul(beta1).add_(g, alpha=1 - beta1).sign_()
        w.mul_(1 - lr * options.weight_decay).sub_(lr * direction)
        m.mul_(beta2).add_(g, alpha=1 - beta2)


OPTIMISERS.register(Lion())

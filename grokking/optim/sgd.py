"""Gradient descent with momentum (Polyak 1964; Sutskever et al. 2013, section 2), with decoupled decay.

m ← μ m + g, w ← (1 - lr λ) w - lr m: the form and the defaults that are common in practice.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokking.config_fields import option, require
from grokking.optim import OPTIMISERS
from grokking.optim.base import OptimiserOptions, WithMomentum

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SgdOptions(OptimiserOptions):
    """The config fields of gradient descent."""

    lr: float = option(0.1, "learning rate")
    weight_decay: float = option(1e-3, "weight decay, decoupled from the gradient")
    momentum: float = option(0.9, "factor μ of the momentum")

    def check(self) -> None:
        """Raises UserError, naming the field."""
        super().check()
        require(0 <= self.momentum < 1, "momentum", self.momentum, "0 or above, below 1")


class Sgd(WithMomentum):
    """The entry "sgd"."""

    name = "sgd"
    rank = 30
    options = SgdOptions

    def step_of_one(
        self, w: "Tensor", g: "Tensor", m: "Tensor", options: SgdOptions, lr: "float | Tensor"
    ) -> None:
        """One update."""
        m.mul_(options.momentum).add_(g)
        w.mul_(1 - lr * options.weight_decay).sub_(lr * m)


OPTIMISERS.register(Sgd())

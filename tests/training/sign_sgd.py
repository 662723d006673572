"""A toy optimiser, all of it in one file outside the package: what a person would write and nothing more.

Sign descent with decoupled weight decay, w ← (1 - lr λ) w - lr sign(g) (Bernstein et al. 2018,
arXiv 1802.04434, algorithm 1). It remembers nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from grokking.config_fields import option, require
from grokking.optim import OPTIMISERS
from grokking.optim.base import OptimiserOptions

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class SignOptions(OptimiserOptions):
    """lr and weight_decay, and one more."""

    dead_zone: float = option(0.0, "gradients no larger than this move nothing")

    def check(self) -> None:
        super().check()
        require(self.dead_zone >= 0, "dead_zone", self.dead_zone, "0 or above")


class SignSGD:
    name = "sign_sgd"
    options = SignOptions
    elementwise = True

    def state_shapes(self, name: str, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        return {}

    def step(
        self,
        weights: Tensors,
        gradients: Tensors,
        state: Mapping[str, Tensors],
        options: SignOptions,
        lr: float | Tensor,
        n_updates: int | Tensor,
    ) -> None:
        for name, w in weights.items():
            g = gradients[name]
            w.mul_(1 - lr * options.weight_decay)
            w.sub_(lr * torch.where(g.abs() > options.dead_zone, g.sign(), 0.0))


ENTRY = OPTIMISERS.register(SignSGD())

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
    compiled_step = "adamw"

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
        n_updates: "int | Tensor",
    ) -> None:
        """One update, by PyTorch's fused kernel where this PyTorch has it, else by ``step_by_formula``."""
        import torch

        # torch.optim.AdamW calls the same kernel, but making one imports a compiler for 2.4 s.
        fused = getattr(torch, "_fused_adamw_", None)
        if fused is None:
            return step_by_formula(weights, gradients, state, options, lr, n_updates)
        count = n_updates + 1
        step = torch.tensor(float(count)) if isinstance(count, int) else count
        fused(
            list(weights.values()),
            [gradients[name] for name in weights],
            *([state[moment][name] for name in weights] for moment in ("exp_avg", "exp_avg_sq")),
            [],
            [step] * len(weights),
            lr=lr,
            beta1=options.betas[0],
            beta2=options.betas[1],
            weight_decay=options.weight_decay,
            eps=EPS,
            amsgrad=False,
            maximize=False,
        )


def step_by_formula(
    weights: "Tensors",
    gradients: "Tensors",
    state: "Mapping[str, Tensors]",
    options: AdamWOptions,
    lr: "float | Tensor",
    n_updates: "int | Tensor",
) -> None:
    """One update as the paper writes it; equal to the fused kernel's but for rounding.

    m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g²,
    w ← (1 - lr λ) w - lr m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε), with t = ``n_updates`` + 1.
    """
    beta1, beta2 = options.betas
    t = n_updates + 1
    for name, w in weights.items():
        g, m, v = gradients[name], state["exp_avg"][name], state["exp_avg_sq"][name]
        m.mul_(beta1).add_(g, alpha=1 - beta1)
        v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        w.mul_(1 - lr * options.weight_decay)
        w.sub_(lr / (1 - beta1**t) * m / ((v / (1 - beta2**t)).sqrt() + EPS))


OPTIMISERS.register(AdamW())

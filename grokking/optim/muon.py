"""Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): steps along an orthogonalised momentum.

m ← μ m + g, u = g + μ m (Nesterov), o ≈ U Vᵀ of u = U S Vᵀ by five Newton–Schulz steps
x ← a x + b (x xᵀ) x + c (x xᵀ)² x, and w ← (1 - lr λ) w - lr √max(1, outputs / inputs) o.

Weights here multiply from the right, so a matrix is [inputs, outputs]; that of each attention head is one
matrix. Embeddings, the unembedding and all vectors follow AdamW, as Muon's authors advise, at a rate of
their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grokking.config_fields import option, require
from grokking.optim import OPTIMISERS
from grokking.optim.adamw import AdamW, AdamWOptions

if TYPE_CHECKING:
    from torch import Tensor

    from grokking.optim.base import Tensors

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""a, b and c: chosen by Muon's authors for a steep slope at zero; singular values end within 0.7 to 1.2."""
N_STEPS = 5
EPS = 1e-7
EMBEDDINGS = frozenset({"W_E", "W_pos", "W_U"})
"""Matrices whose rows or columns belong to tokens, positions and classes; they are not orthogonalised."""
ADAMW = AdamW()


@dataclass(frozen=True)
class MuonOptions(AdamWOptions):
    """The config fields of Muon. lr: of the matrices.  betas: of AdamW, for the rest."""

    lr: float = option(0.02, "learning rate")
    weight_decay: float = option(0.1, "weight decay, decoupled from the gradient")
    betas: tuple[float, float] = option(
        (0.9, 0.95), "decay rates of AdamW's moments", metavar=("BETA1", "BETA2")
    )
    momentum: float = option(0.95, "factor μ of the momentum")
    rest_rate: float = option(0.015, "rate of AdamW, for what is no matrix, as a share of lr")
    rest_decay: float = option(0.1, "weight decay of what is no matrix, decoupled from the gradient")

    def check(self) -> None:
        """Raises UserError, naming the field."""
        super().check()
        require(0 <= self.momentum < 1, "momentum", self.momentum, "0 or above, below 1")
        require(self.rest_rate >= 0, "rest_rate", self.rest_rate, "0 or above")
        require(self.rest_decay >= 0, "rest_decay", self.rest_decay, "0 or above")


class Muon:
    """The entry "muon"."""

    name = "muon"
    rank = 50
    options = MuonOptions
    elementwise = False

    def state_shapes(self, name: str, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """A momentum for a matrix, the two moments of AdamW for all else."""
        return {"momentum": size} if is_matrix(name, size) else ADAMW.state_shapes(name, size)

    def step(
        self,
        weights: "Tensors",
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",
        options: MuonOptions,
        lr: "float | Tensor",
        n_updates: "int | Tensor",
    ) -> None:
        """One update."""
        momenta = state.get("momentum", {})
        ahead = {}
        for name, m in momenta.items():
            m.mul_(options.momentum).add_(gradients[name])
            ahead[name] = gradients[name].add(m, alpha=options.momentum)
        for name, direction in all_orthogonalised(ahead).items():
            w = weights[name]
            scale = max(1.0, w.shape[-1] / w.shape[-2]) ** 0.5
            w.mul_(1 - lr * options.weight_decay).sub_(lr * scale * direction)
        rest = {name: w for name, w in weights.items() if name not in momenta}
        if rest:
            theirs = replace(options, weight_decay=options.rest_decay)
            ADAMW.step(rest, gradients, state, theirs, lr * options.rest_rate, n_updates)


def is_matrix(name: str, size: tuple[int, ...]) -> bool:
    """Whether Muon orthogonalises the steps of this parameter."""
    return len(size) >= 2 and name not in EMBEDDINGS


def all_orthogonalised(matrices: "Tensors") -> "dict[str, Tensor]":
    """``orthogonalised`` of every entry, those of one shape (or of its transpose) in one batch."""
    import torch

    by_shape: dict[tuple[int, ...], list[str]] = {}
    wide = {name: m.mT if _tall(m) else m for name, m in matrices.items()}
    for name, m in wide.items():
        by_shape.setdefault(tuple(m.shape), []).append(name)
    found: dict[str, Tensor] = {}
    for names in by_shape.values():
        found |= dict(zip(names, orthogonalised(torch.stack([wide[name] for name in names])), strict=True))
    return {name: found[name].mT if _tall(m) else found[name] for name, m in matrices.items()}


def _tall(matrices: "Tensor") -> bool:
    return matrices.shape[-2] > matrices.shape[-1]


def orthogonalised(matrices: "Tensor") -> "Tensor":
    """About U Vᵀ of matrices U S Vᵀ [..., m, n]: singular values of 0.7 to 1.2 where they were not tiny.

    Meant for m <= n, where its products are the smaller.
    """
    a, b, c = NEWTON_SCHULZ
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + EPS)
    for _ in range(N_STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x


OPTIMISERS.register(Muon())

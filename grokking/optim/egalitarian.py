"""Egalitarian gradient descent (Pasand & Dohmatob 2025, arXiv 2510.04930, section 3).

Every matrix moves along (G Gᵀ)^(-1/2) G of its gradient G: of G = U S Vᵀ that is U Vᵀ, so all singular
directions move equally fast. The inverse is the pseudo-inverse: directions without a gradient do not move. A
vector is a matrix of one column, so its gradient is scaled to length 1. The decay is decoupled, as in AdamW.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokking.config_fields import option
from grokking.optim import OPTIMISERS
from grokking.optim.base import OptimiserOptions

if TYPE_CHECKING:
    from torch import Tensor

    from grokking.optim.base import Tensors

RANK_TOLERANCE = 1e-6
"""Singular values below this share of the largest count as zero: gradients are float32."""


@dataclass(frozen=True)
class EgalitarianOptions(OptimiserOptions):
    """The config fields of egalitarian descent."""

    lr: float = option(1e-2, "learning rate")
    weight_decay: float = option(0.1, "weight decay, decoupled from the gradient")


class Egalitarian:
    """The entry "egalitarian". Its eigenvectors are computed on the way, which a GPU cannot record."""

    name = "egalitarian"
    rank = 60
    options = EgalitarianOptions
    elementwise = False
    run_by_run = True

    def state_shapes(self, name: str, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:  # noqa: ARG002
        """Nothing is remembered."""
        return {}

    def step(
        self,
        weights: "Tensors",
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",  # noqa: ARG002
        options: EgalitarianOptions,
        lr: "float | Tensor",
        n_updates: "int | Tensor",  # noqa: ARG002
    ) -> None:
        """One update."""
        for name, w in weights.items():
            direction = whitened(gradients[name])
            w.mul_(1 - lr * options.weight_decay).sub_(lr * direction)


def whitened(gradient: "Tensor") -> "Tensor":
    """(G Gᵀ)^(-1/2) G of matrices [..., m, n], in their dtype; of a vector g / |g|, and 0 of 0.

    By the eigenvectors of the smaller of G Gᵀ and Gᵀ G, in float64.
    """
    import torch

    if gradient.ndim < 2:
        return gradient / gradient.norm().clamp(min=torch.finfo(gradient.dtype).tiny)
    g = gradient.double()
    wide = g.shape[-2] <= g.shape[-1]
    squares, vectors = torch.linalg.eigh(g @ g.mT if wide else g.mT @ g)
    counted = squares > (RANK_TOLERANCE**2) * squares[..., -1:]
    inverse_root = torch.where(counted, squares, torch.inf).rsqrt()
    whitening = (vectors * inverse_root[..., None, :]) @ vectors.mT
    return (whitening @ g if wide else g @ whitening).to(gradient.dtype)


OPTIMISERS.register(Egalitarian())

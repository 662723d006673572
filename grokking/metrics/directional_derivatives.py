"""How the loss changes along a direction in parameter space: D_v L = ∇L · v, and vᵀ H v.

By torch.func: jvp for the first, a Hessian-vector product (forward over reverse) for both at once. No
Hessian is formed, each costs a few forward passes. Everything in float64.
A ReLU network is smooth in pieces: the second derivative is that of the piece the weights lie in, while
a finite difference whose step crosses kinks also counts the turns at them.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.func import grad, grad_and_value, jvp
from torch.nn import functional as F

from grokking.engines.lookup import last_position, stack
from grokking.groups.base import Group
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights, plus_bias

Loss = Callable[[Tensor], Tensor]
"""From one parameter, float64, to a scalar (its gradient: to a tensor of the parameter's shape)."""
DIRECTION_SEED = 0


@dataclass(frozen=True)
class Derivatives:
    """Of t → f(x + t·v) at t = 0: the value, the first and the second derivative."""

    value: float
    first: float
    second: float


def directional_derivatives(f: Loss, x: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"]) -> Derivatives:
    """First and second derivative of ``f`` at ``x`` along ``v`` (same shape; not normalised here).

    >>> found = directional_derivatives(lambda x: (x**3).sum(), torch.ones(2), torch.tensor([1.0, 0.0]))
    >>> found.first, found.second
    (3.0, 6.0)
    """
    (slope, value), (product, _) = _jvp(grad_and_value(f), x, v)
    return Derivatives(float(value), float((slope * v).sum()), float((product * v).sum()))


def directional_derivative(f: Loss, x: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"]) -> float:
    """D_v f = ∇f · v, by forward-mode differentiation: one pass, and no gradient is formed."""
    return float(_jvp(f, x, v)[1])


def hessian_vector_product(
    f: Loss, x: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """H v in the shape of ``x``, by forward over reverse; v · (H v) is the second derivative along v."""
    return _jvp(grad(f), x, v)[1]


def finite_differences(
    f: Loss, x: Float[Tensor, "*shape"], v: Float[Tensor, "*shape"], step: float
) -> Derivatives:
    """The same by central differences: what the exact derivatives are checked against."""
    below, at, above = (float(f(x + t * v)) for t in (-step, 0.0, step))
    return Derivatives(at, (above - below) / (2 * step), (above - 2 * at + below) / step**2)


def loss_along(
    weights: Weights,
    shape: ModelShape,
    tokens: Int64[np.ndarray, "pairs n_ctx"],
    answers: Int64[np.ndarray, "pairs"],
    name: str,
) -> Loss:
    """Mean cross-entropy (nats) of pairs as a function of one parameter, the others held, in float64.

    tokens: int64 [N, 3].  answers: int64 [N].  name: such as "W_E" or "W_U".
    """
    fixed = {key: tensor.detach().cpu().double() for key, tensor in weights.items()}
    pairs, target = torch.from_numpy(tokens)[None], torch.from_numpy(answers)

    if name == "W_U" and not shape.layer_norm:
        final = _final_residual(fixed, shape, pairs)
        return lambda value: F.cross_entropy(plus_bias(final @ value, fixed, "b_U", shape), target)

    def loss(value: Tensor) -> Tensor:
        logits = last_position(stack({**fixed, name: value}), shape, pairs)[1][0]
        return F.cross_entropy(logits, target)

    return loss


def fourier_component(
    matrix: Float[Tensor, "rows columns"], group: Group, k: int, axis: int
) -> Float64[Tensor, "rows columns"]:
    """The part of a parameter that lies on frequency, or in block, ``k``: float64, of the parameter's shape.

    axis: the one that numbers residues, 0 of W_E (tokens) or 1 of W_U (classes). Entries of
    residues outside the group, of operations and of extra classes are zero.
    """
    rows = group.basis.tensor[group.basis.rows_of(k)]
    members = torch.from_numpy(group.members.copy())
    moved = matrix.detach().cpu().double().movedim(axis, 0)
    part = torch.zeros_like(moved)
    part[members] = rows.T @ (rows @ moved[members])
    return part.movedim(0, axis)


def random_directions(
    matrix: Float[Tensor, "rows columns"], group: Group, axis: int, n: int
) -> list[Float64[Tensor, "rows columns"]]:
    """Seeded unit directions over the same entries, float64."""
    generator = torch.Generator().manual_seed(DIRECTION_SEED)
    directions = []
    for _ in range(n):
        moved = torch.zeros_like(matrix, dtype=torch.float64, device="cpu").movedim(axis, 0).contiguous()
        values = torch.randn(group.order, *moved.shape[1:], generator=generator, dtype=torch.float64)
        moved[torch.from_numpy(group.members.copy())] = values
        directions.append((moved / moved.norm()).movedim(0, axis))
    return directions


def _jvp(f: Callable[[Tensor], Any], x: Tensor, v: Tensor) -> tuple[Any, Any]:
    with warnings.catch_warnings():
        # PyTorch's own forward mode still uses what PyTorch deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        value, tangent = jvp(f, (x,), (v,))[:2]
    return value, tangent


def _final_residual(weights: Weights, shape: ModelShape, pairs: Tensor) -> Tensor:
    """What W_U reads, [N, d_model]: the logits under an identity in its place, and no bias."""
    identity = torch.eye(shape.d_model, dtype=torch.float64)
    unbiased = replace(shape, biases=tuple(name for name in shape.biases if name != "b_U"))
    return last_position(stack({**weights, "W_U": identity}), unbiased, pairs)[1][0]

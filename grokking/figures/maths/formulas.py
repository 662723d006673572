"""Formulas of ``docs/maths.md`` that are measured here: weight decay as a contraction, the loss along a line.

Decoupled weight decay (AdamW; Loshchilov and Hutter 2019, arXiv 1711.05101, section 2) multiplies the
weights by (1 - η λ) in every update, in addition to what the gradient does. An L2 penalty in the loss
adds λ θ to the gradient instead; for plain gradient descent that is the same, for Adam it is not,
since Adam divides each entry of its gradient by that entry's own size.
"""

from dataclasses import dataclass

import numpy as np
import torch

from grokking.config import RunConfig
from grokking.engines.parameters import Parameters, learning_rate
from grokking.from_config import initial_weights
from grokking.metrics.directional_derivatives import (
    Derivatives,
    directional_derivatives,
    fourier_component,
    loss_along,
    random_directions,
)
from grokking.metrics.norms import weight_norm
from grokking.runs.view import RunView


def contraction(config: RunConfig, n_updates: int) -> np.ndarray:
    """Π (1 - η_t λ) over the first t updates, float64 [n_updates + 1], t = 0 … n_updates.

    (1 - η λ)^t without warm-up; η_t is the run's own rate at update t.
    """
    factors = [1 - learning_rate(config, t) * config.weight_decay for t in range(n_updates)]
    return np.concatenate([[1.0], np.cumprod(factors)])


def decay_without_gradient(config: RunConfig, n_updates: int) -> np.ndarray:
    """Weight norm over t updates of a run whose gradient is zero, float64 [n_updates + 1].

    Made by the optimiser that trains: what ``contraction`` predicts times the first norm.
    """
    parameters = Parameters(config, initial_weights(config), torch.device("cpu"))
    norms = [weight_norm({"all": parameters.flat})]
    for _ in range(n_updates):
        parameters.update()
        norms.append(weight_norm({"all": parameters.flat}))
    return np.array(norms)


def penalty_without_gradient(config: RunConfig, n_updates: int) -> np.ndarray:
    """The same for Adam with an L2 penalty λ ‖θ‖² / 2 in the loss, and nothing else in it."""
    weights = initial_weights(config)
    flat = torch.cat([w.flatten() for w in weights.values()]).requires_grad_(True)
    optimiser = torch.optim.Adam([flat], lr=config.lr, betas=config.betas, weight_decay=config.weight_decay)
    flat.grad = torch.zeros_like(flat)
    norms = [weight_norm({"all": flat.detach()})]
    for t in range(n_updates):
        optimiser.param_groups[0]["lr"] = learning_rate(config, t)
        optimiser.step()
        norms.append(weight_norm({"all": flat.detach()}))
    return np.array(norms)


REACH = 1.0
"""How far either way, in units of L2 norm of W_E."""
N_POINTS = 25


@dataclass(frozen=True)
class LossSlice:
    """at: float64 [N], distances along a unit direction.  loss: float64 [N], nats."""

    title: str
    key: bool
    at: np.ndarray
    loss: np.ndarray
    derivatives: Derivatives


def loss_slice(view: RunView) -> list[LossSlice]:
    """Two lines through the final W_E: along its strongest component, and along a random direction.

    The strongest component is the first key frequency, or the largest one where there is no key.
    """
    acts, grid, task, split = view.final_acts, view.grid, view.run.pair_task, view.run.split
    rows = np.arange(len(task.tokens)) if split is None else split.train
    loss = loss_along(acts.weights, acts.shape, task.tokens[rows], task.answers[rows], "W_E")
    x, keys = acts.weights["W_E"].double(), view.keys
    components = {k: fourier_component(x, grid.cyclic, k, 0) for k in range(1, grid.n // 2 + 1)}
    k = keys[0] if keys else max(components, key=lambda k: float(components[k].norm()))
    along = components[k] / components[k].norm()
    directions = [
        (f"along W_E's component k = {k}", True, along),
        ("along a random direction", False, random_directions(x, grid.cyclic, 0, 1)[0]),
    ]
    at = np.linspace(-REACH, REACH, N_POINTS)
    slices = []
    for title, key, v in directions:
        with torch.no_grad():
            values = np.array([float(loss(x + t * v)) for t in at])
        slices.append(LossSlice(title, key, at, values, directional_derivatives(loss, x, v)))
    return slices

"""The loss along a straight line through the weights, next to what its derivatives at 0 predict."""

from dataclasses import dataclass

import numpy as np
import torch

from grokking.metrics.directional_derivatives import (
    Derivatives,
    directional_derivatives,
    fourier_component,
    loss_along,
    random_directions,
)
from grokking.runs.view import RunView

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
    components = {k: fourier_component(x, grid.group, k, 0) for k in range(1, grid.n // 2 + 1)}
    k = keys[0] if keys else max(components, key=lambda k: float(components[k].norm()))
    along = components[k] / components[k].norm()
    directions = [
        (f"along W_E's component k = {k}", True, along),
        ("along a random direction", False, random_directions(x, grid.group, 0, 1)[0]),
    ]
    at = np.linspace(-REACH, REACH, N_POINTS)
    slices = []
    for title, key, v in directions:
        with torch.no_grad():
            values = np.array([float(loss(x + t * v)) for t in at])
        slices.append(LossSlice(title, key, at, values, directional_derivatives(loss, x, v)))
    return slices

"""The train loss as a function of one vector of all parameters, for measures that need its derivatives.

Any model and task: through ``grokking.engines.batched``, so by attention look-ups where the model
has them.
"""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from grokking.engines.batched import BatchedLoss
from grokking.engines.parameters import views
from grokking.engines.train_pairs import TrainPairs
from grokking.metrics.activations import ActivationCache
from grokking.tasks.split import Split

Flat = Float[Tensor, "n_parameters"]
FlatLoss = Callable[[Flat], Float[Tensor, ""]]
"""A vector of all parameters to the mean train loss, nats; differentiable twice."""
Vector = Float64[Tensor, "n"]
Product = Callable[[Vector], Vector]
"""v to H v."""


def flat_weights(acts: ActivationCache, dtype: torch.dtype = torch.float64) -> Flat:
    """All parameters in one vector, in the order of ``shape.parameter_shapes``, on the CPU."""
    parts = [acts.weights[name].flatten() for name in acts.shape.parameter_shapes()]
    return torch.cat(parts).to(device="cpu", dtype=dtype)


def by_parameter(flat: Flat, acts: ActivationCache) -> dict[str, Tensor]:
    """Views of such a vector by the name of a parameter, in its shape."""
    return views(flat, acts.shape.parameter_shapes())


def train_loss(acts: ActivationCache, split: Split, rows: np.ndarray | None = None) -> FlatLoss:
    """The train loss, mean over operations; of some of the train pairs where ``rows`` names their places.

    rows: int64, places in ``split.train``, each at most once.
    """
    chosen = split if rows is None else Split(split.train[rows], split.test)
    loss = BatchedLoss(acts.shape, [TrainPairs.of(acts.task, chosen)], torch.device("cpu"))
    return lambda flat: loss(flat[None])[0]


def value_and_gradient(loss: FlatLoss, flat: Flat) -> tuple[float, Flat]:
    """L and ∇L, the latter in the shape and dtype of ``flat``."""
    leaf = flat.detach().requires_grad_()
    value = loss(leaf)
    return value.item(), torch.autograd.grad(value, leaf)[0]


def gradient(loss: FlatLoss, flat: Flat) -> Flat:
    """∇L in the shape and dtype of ``flat``."""
    return value_and_gradient(loss, flat)[1]


def hessian_product(loss: FlatLoss, flat: Vector) -> Product:
    """v to H v at ``flat``, by a second backward pass through one gradient that is kept.

    For many products at one place; ``directional_derivatives.hessian_vector_product`` is for one.
    """
    leaf = flat.detach().requires_grad_()
    slope = torch.autograd.grad(loss(leaf), leaf, create_graph=True)[0]
    return lambda v: torch.autograd.grad(slope, leaf, v, retain_graph=True)[0]

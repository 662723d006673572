"""Weight decay as a contraction: what it does to weights that no gradient moves.

Decoupled weight decay (AdamW; Loshchilov and Hutter 2019, arXiv 1711.05101, section 2) multiplies the
weights by (1 - η λ) in every update, in addition to what the gradient does. An L2 penalty in the loss
adds λ θ to the gradient instead; for plain gradient descent that is the same, for Adam it is not,
since Adam divides each entry of its gradient by that entry's own size.
"""

import numpy as np
import torch

from grokking.config import RunConfig
from grokking.engines.parameters import Parameters, learning_rate
from grokking.from_config import initial_weights
from grokking.metrics.norms import weight_norm


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

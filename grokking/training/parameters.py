"""All weights of a run in one flat tensor, so that the optimiser is one kernel."""

import math

import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.model import ModelShape, Weights

MOMENTS = ("exp_avg", "exp_avg_sq")


def views(flat: Tensor, shape: ModelShape) -> dict[str, Tensor]:
    """The tensors of ``shape.parameter_shapes()`` as views of ``flat`` [n_parameters]."""
    out, at = {}, 0
    for name, size in shape.parameter_shapes().items():
        out[name] = flat[at : at + math.prod(size)].view(size)
        at += math.prod(size)
    return out


class Parameters:
    """Weights, their gradient and AdamW's moments, each flat with named views.

    flat: float32 [n_parameters]; ``weights`` and ``gradient`` are views by name.
    """

    def __init__(self, config: RunConfig, weights: Weights, device: torch.device) -> None:
        self.config, self.shape = config, ModelShape.of(config)
        flat = torch.cat([weights[name].flatten() for name in self.shape.parameter_shapes()])
        self.flat = flat.to(device=device, dtype=torch.float32).contiguous()
        self.flat.grad = torch.zeros_like(self.flat)
        self.weights = views(self.flat, self.shape)
        self.gradient = views(self.flat.grad, self.shape)
        self.optimiser = torch.optim.AdamW(
            [self.flat], lr=config.lr, betas=config.betas, weight_decay=config.weight_decay,
            fused=True, capturable=device.type == "cuda",
        )

    def update(self, n_updates: int) -> None:
        """One AdamW step with the gradient at hand; ``n_updates`` have been made before it."""
        self.optimiser.param_groups[0]["lr"] = learning_rate(self.config, n_updates)
        self.optimiser.step()

    def optimiser_state(self) -> dict[str, Tensor]:
        """Moments by ``"exp_avg.W_E"`` and the like; before the first update they are zero."""
        state = self.optimiser.state.get(self.flat, {})
        out = {}
        for moment in MOMENTS:
            flat = state.get(moment, torch.zeros_like(self.flat))
            out |= {f"{moment}.{name}": t for name, t in views(flat, self.shape).items()}
        return out

    def load_optimiser_state(self, state: Weights, n_updates: int) -> None:
        """Inverse of ``optimiser_state`` after ``n_updates`` updates."""
        names = self.shape.parameter_shapes()
        step = torch.tensor(float(n_updates), dtype=torch.float32)
        self.optimiser.state[self.flat] = {"step": step.to(self.flat.device)} | {
            moment: torch.cat([state[f"{moment}.{name}"].flatten() for name in names]).to(self.flat)
            for moment in MOMENTS
        }


def learning_rate(config: RunConfig, n_updates: int) -> float:
    """The rate of the update that follows ``n_updates``: linear warm-up from 0, then constant."""
    return config.lr * (min(n_updates / config.warmup, 1.0) if config.warmup else 1.0)

"""All weights of a run in one flat tensor, so that the optimiser is one kernel."""

import math

import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.from_config import shape_of
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights

MOMENTS = ("exp_avg", "exp_avg_sq")


def n_parameters(shape: ModelShape) -> int:
    """How many numbers a model of this shape has."""
    return sum(math.prod(size) for size in shape.parameter_shapes().values())


def views(flat: Tensor, shape: ModelShape) -> dict[str, Tensor]:
    """The tensors of ``shape.parameter_shapes()`` as views of ``flat`` [..., n_parameters]."""
    out, at = {}, 0
    for name, size in shape.parameter_shapes().items():
        out[name] = flat[..., at : at + math.prod(size)].unflatten(-1, size)
        at += math.prod(size)
    return out


class Parameters:
    """Weights, their gradient and AdamW's state, each flat with named views.

    flat: float32 [n_parameters]; ``weights`` and ``gradient`` are views by name.  n_updates: how
    many updates have been made; it is the run's epoch.
    """

    def __init__(self, config: RunConfig, weights: Weights, device: torch.device) -> None:
        self.config, self.shape, self.n_updates = config, shape_of(config), 0
        flat = torch.cat([weights[name].flatten() for name in self.shape.parameter_shapes()])
        self.optimiser: torch.optim.Optimizer
        self.place(flat.to(device=device, dtype=torch.float32), torch.zeros_like(flat, device=device))

    def place(self, flat: Tensor, gradient: Tensor) -> None:
        """Live in these tensors from now on; ``flat`` already holds the weights. Moments restart."""
        self.flat = flat.detach()
        self.flat.grad = gradient
        self.weights = views(self.flat, self.shape)
        self.gradient = views(gradient, self.shape)
        on_gpu = flat.device.type == "cuda"
        # On a GPU the rate is a tensor, so that a captured graph can be replayed with another.
        rate = torch.tensor(self.config.lr, device=flat.device) if on_gpu else self.config.lr
        self.optimiser = torch.optim.AdamW(
            [self.flat],
            lr=rate,
            betas=self.config.betas,
            weight_decay=self.config.weight_decay,
            fused=True,
            capturable=on_gpu,
        )

    def set_learning_rate(self) -> None:
        """The rate of the next update."""
        rate, group = learning_rate(self.config, self.n_updates), self.optimiser.param_groups[0]
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate

    def update(self) -> None:
        """One AdamW step with the gradient at hand."""
        self.set_learning_rate()
        self.optimiser.step()
        self.n_updates += 1

    def moments(self) -> tuple[Tensor, Tensor]:
        """AdamW's two moments, float32 [n_parameters], for one who makes updates in its stead."""
        if self.flat not in self.optimiser.state:
            self.optimiser.state[self.flat] = {"step": torch.tensor(0.0)} | {
                moment: torch.zeros_like(self.flat) for moment in MOMENTS
            }
        state = self.optimiser.state[self.flat]
        return state["exp_avg"], state["exp_avg_sq"]

    def count(self, n: int) -> None:
        """``n`` updates were made to the weights and ``moments``, not by ``update``."""
        self.optimiser.state[self.flat]["step"] += n
        self.n_updates += n

    def optimiser_state(self) -> dict[str, Tensor]:
        """Moments by ``"exp_avg.W_E"`` and the like; before the first update they are zero."""
        state = self.optimiser.state.get(self.flat, {})
        out: dict[str, Tensor] = {}
        for moment in MOMENTS:
            flat = state.get(moment, torch.zeros_like(self.flat))
            out |= {f"{moment}.{name}": t for name, t in views(flat, self.shape).items()}
        return out

    def not_finite(self) -> str | None:
        """What holds a NaN or an infinity, in words; None if all is well. Waits for a GPU once."""
        state = self.optimiser.state.get(self.flat, {})
        parts = {"a weight": self.flat} | {f"AdamW's {m}": state[m] for m in MOMENTS if m in state}
        # The largest magnitude is not finite if any number is not; it takes one pass and no memory.
        largest = [torch.linalg.vector_norm(part, torch.inf) for part in parts.values()]
        sound = torch.isfinite(torch.stack(largest)).tolist()
        return next((name for name, ok in zip(parts, sound, strict=True) if not ok), None)

    def load(self, weights: Weights, moments: Weights, n_updates: int) -> None:
        """Take over a state: weights, ``optimiser_state`` and the number of updates behind them."""
        for name, tensor in weights.items():
            self.weights[name].copy_(tensor)
        self.n_updates = n_updates
        names = self.shape.parameter_shapes()
        step = torch.tensor(float(n_updates), dtype=torch.float32, device=self.flat.device)
        self.optimiser.state[self.flat] = {"step": step} | {
            moment: torch.cat([moments[f"{moment}.{name}"].flatten() for name in names]).to(self.flat)
            for moment in MOMENTS
        }


def learning_rate(config: RunConfig, n_updates: int) -> float:
    """The rate of the update that follows ``n_updates``: linear warm-up from 0, then constant."""
    return config.lr * (min(n_updates / config.warmup, 1.0) if config.warmup else 1.0)

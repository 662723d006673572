"""The weights of a run, their gradient, the state of optimiser and filter, each in one flat tensor."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.from_config import FILTER_STATE, shape_of, state_sizes_of
from grokking.gradient_filters import GRADIENT_FILTERS
from grokking.optim import OPTIMISERS
from grokking.optim.base import Sizes, n_numbers

Tensors = Mapping[str, Tensor]
"""Tensors by the name of a parameter."""
DTYPES = {"float64": torch.float64, "float32": torch.float32}
"""By a config's ``loss_dtype``: the precision of log-softmax and loss."""
ALL = "all parameters"
"""Name under which an elementwise optimiser gets everything as one tensor."""


def views(flat: Tensor, sizes: Sizes) -> dict[str, Tensor]:
    """Tensors of these shapes, in order, as views of ``flat`` [..., n]."""
    out, at = {}, 0
    for name, size in sizes.items():
        n = math.prod(size)
        out[name] = flat[..., at : at + n].unflatten(-1, size) if size else flat[..., at]
        at += n
    return out


class Parameters:
    """Weights, their gradient and what optimiser and gradient filter remember, flat and by name.

    flat, flat_gradient: float32 [n_parameters]; ``weights`` and ``gradient`` are views by name.
    flat_state: by the state's name, float32 [its numbers]; ``state`` has views by state's name, then by
    parameter.  n_updates: how many updates have been made; it is the run's epoch.
    rate, n_before: of the next update, as ``Optimiser.step`` takes them.
    """

    def __init__(self, config: RunConfig, weights: Tensors, device: torch.device) -> None:
        self.config, self.shape, self.n_updates = config, shape_of(config), 0
        self.optimiser = OPTIMISERS.get(config.optimiser)
        self.sizes: Sizes = self.shape.parameter_shapes()
        self.gradient_filter = GRADIENT_FILTERS.get(config.gradient_filter)
        self.state_sizes = state_sizes_of(config)
        flat = torch.cat([weights[name].flatten() for name in self.sizes])
        flat = flat.to(device=device, dtype=torch.float32)
        state = {name: torch.zeros(n_numbers(s), device=device) for name, s in self.state_sizes.items()}
        self.place(flat, torch.zeros_like(flat), state)
        self.rate: float | Tensor = config.lr
        self.n_before: int | Tensor = 0
        if device.type == "cuda":
            # Tensors, so that a captured graph can be replayed with other values.
            self.rate, self.n_before = (torch.zeros((), device=device) for _ in range(2))

    def place(self, flat: Tensor, gradient: Tensor, state: Tensors) -> None:
        """Live in these tensors from now on; those of weights and state already hold their values."""
        self.flat, self.flat_gradient, self.flat_state = flat.detach(), gradient, dict(state)
        self.weights = views(self.flat, self.sizes)
        self.gradient = views(gradient, self.sizes)
        self.state = {name: views(state[name], sizes) for name, sizes in self.state_sizes.items()}

    @property
    def idle_filter(self) -> bool:
        """Whether the optimiser gets the gradient as the engine computed it."""
        return getattr(self.gradient_filter, "idle", False)

    @property
    def optimiser_alone(self) -> bool:
        """Whether an update is the optimiser's step and nothing before or after it."""
        return self.idle_filter and self.config.norm_clamp == 0

    def update(self) -> None:
        """One update with the gradient at hand."""
        self.set_schedule()
        self.step()
        self.n_updates += 1

    def set_schedule(self) -> None:
        """Set ``rate`` and ``n_before`` for the next update."""
        rate = learning_rate(self.config, self.n_updates)
        if isinstance(self.rate, Tensor) and isinstance(self.n_before, Tensor):
            self.rate.fill_(rate)
            self.n_before.fill_(self.n_updates)
        else:
            self.rate, self.n_before = rate, self.n_updates

    def step(self) -> None:
        """The change of weights and state by one update, and nothing else."""
        self.filter_gradient()
        weights, gradient, state = self.weights, self.gradient, self.state
        if self.optimiser.elementwise:
            weights, gradient = {ALL: self.flat}, {ALL: self.flat_gradient}
            state = {name: {ALL: flat} for name, flat in self.flat_state.items()}
        options = self.config.optimiser_options
        self.optimiser.step(weights, gradient, state, options, self.rate, self.n_before)
        self.clamp_norm()

    def filter_gradient(self) -> None:
        """What comes before the optimiser's step: the gradient filter's change of the gradient."""
        if self.idle_filter:
            return
        start = len(FILTER_STATE)
        state = {
            name[start:]: tensors for name, tensors in self.state.items() if name.startswith(FILTER_STATE)
        }
        options = self.config.gradient_filter_options
        self.gradient_filter.apply(self.weights, self.gradient, state, options, self.n_before)

    def clamp_norm(self) -> None:
        """What comes after the optimiser's step: the weights are scaled to the norm of ``norm_clamp``.

        As Truong et al. 2026 (arXiv 2606.13753) hold the norm while a network trains.
        """
        if self.config.norm_clamp:
            self.flat.mul_(self.config.norm_clamp / self.flat.norm())

    def optimiser_state(self) -> dict[str, Tensor]:
        """State tensors by ``"exp_avg.W_E"`` and the like, as a checkpoint holds them."""
        return {
            f"{state}.{name}": tensor
            for state, tensors in self.state.items()
            for name, tensor in tensors.items()
        }

    def not_finite(self) -> str | None:
        """What holds a NaN or an infinity, in words; None if all is well. Waits for a GPU once."""
        state = {self._owner(name): flat for name, flat in self.flat_state.items()}
        parts = {name: part for name, part in ({"a weight": self.flat} | state).items() if part.numel()}
        # The largest magnitude is not finite if any number is not; it takes one pass and no memory.
        largest = [torch.linalg.vector_norm(part, torch.inf) for part in parts.values()]
        sound = torch.isfinite(torch.stack(largest)).tolist()
        return next((name for name, ok in zip(parts, sound, strict=True) if not ok), None)

    def _owner(self, state: str) -> str:
        """A state in words: ``adamw's exp_avg``."""
        if state.startswith(FILTER_STATE):
            return f"{self.gradient_filter.name}'s {state.removeprefix(FILTER_STATE)}"
        return f"{self.optimiser.name}'s {state}"

    def load(self, weights: Tensors, optimiser_state: Tensors, n_updates: int) -> None:
        """Take over weights, ``optimiser_state`` and the number of updates behind them."""
        for name, tensor in weights.items():
            self.weights[name].copy_(tensor)
        for name, tensor in self.optimiser_state().items():
            tensor.copy_(optimiser_state[name])
        self.n_updates = n_updates


def learning_rate(config: RunConfig, n_updates: int) -> float:
    """The rate of the update that follows ``n_updates``: linear warm-up from 0, then constant."""
    rate: float = config.lr
    return rate * (min(n_updates / config.warmup, 1.0) if config.warmup else 1.0)

"""What an optimiser is to everything else: its options, its state by shape, one step."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from grokking.config_fields import Options, option, require

if TYPE_CHECKING:  # help texts read this module and need no PyTorch
    from torch import Tensor

    Tensors = Mapping[str, Tensor]
    """Tensors by the name of a parameter."""

Sizes = Mapping[str, tuple[int, ...]]
"""Shapes of tensors by the name of a parameter."""


@dataclass(frozen=True)
class OptimiserOptions(Options):
    """What every optimiser has: a learning rate and a weight decay. A subclass may change their defaults."""

    lr: float = option(1e-3, "learning rate")
    weight_decay: float = option(1.0, "weight decay, decoupled from the gradient")
    norm_clamp: float = option(
        0.0, "L2 norm that all weights together are scaled to after every update; 0 lets it go", written=False
    )

    def check(self) -> None:
        """Raises UserError, naming the field."""
        require(self.lr >= 0, "lr", self.lr, "0 or above")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or above")
        require(self.norm_clamp >= 0, "norm_clamp", self.norm_clamp, "0 or above")


class Optimiser(Protocol):
    """An optimiser: an entry of ``OPTIMISERS``. The entry itself remembers nothing between two steps.

    Three attributes are optional. ``rank`` orders the entries. ``compiled_step`` names a step that the numba
    engine has compiled (``engines.numba.passes.COMPILED_STEPS``) and that does the same as ``step``; any
    other optimiser gets the compiled gradient and makes its own step. ``run_by_run`` is True for a step
    that gets no replica axes and that a GPU cannot record, because it reads values on the way.
    """

    @property
    def name(self) -> str:
        """The name that ``--optimiser`` takes."""
        ...

    @property
    def options(self) -> type[OptimiserOptions]:
        """The options that a config with this optimiser has."""
        ...

    @property
    def elementwise(self) -> bool:
        """Whether every number is updated by its own gradient and state alone.

        If so, every state tensor has its parameter's shape, and ``step`` may be given all parameters as one
        flat tensor, which is faster; the numbers must not depend on that.
        """
        ...

    def state_shapes(self, name: str, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Shapes of the state tensors of one parameter, by their names; they start as zeros.

        A parameter may lack a state that another has. Checkpoints hold them as
        ``optimiser.<state>.<parameter>``; estimates of memory and disk count them.
        """
        ...

    def step(
        self,
        weights: "Tensors",
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",
        options: Any,
        lr: "float | Tensor",
        n_updates: "int | Tensor",
    ) -> None:
        """Change ``weights`` and ``state`` in place by one update.

        weights, gradients: float32 by parameter; matrices stay matrices, and leading axes may be replicas
        that must not mix.  state: by state's name, then by parameter, in the shapes of ``state_shapes``
        (after the replica axes).  options: those of the config.  lr: the rate of this update, after
        warm-up.  n_updates: updates before it.

        On a GPU ``lr`` and ``n_updates`` are float32 tensors without axes on the weights' device: the step is
        recorded once and replayed, so it must neither read their values nor wait for the device.
        """
        ...


class WithMomentum:
    """What optimisers share that remember a momentum and update every number by its own gradient."""

    elementwise = True

    def state_shapes(self, name: str, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:  # noqa: ARG002
        """The momentum."""
        return {"momentum": size}

    def step(
        self,
        weights: "Tensors",
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",
        options: Any,
        lr: "float | Tensor",
        n_updates: "int | Tensor",  # noqa: ARG002
    ) -> None:
        """One update, as ``Optimiser.step``."""
        for name, w in weights.items():
            self.step_of_one(w, gradients[name], state["momentum"][name], options, lr)

    def step_of_one(self, w: "Tensor", g: "Tensor", m: "Tensor", options: Any, lr: "float | Tensor") -> None:
        """Change a parameter w and its momentum m in place. g: its gradient."""
        raise NotImplementedError


def state_sizes(optimiser: Optimiser, sizes: Sizes) -> dict[str, dict[str, tuple[int, ...]]]:
    """Shapes of an optimiser's state tensors, by the state's name, then by parameter.

    sizes: shapes of the parameters.  Raises ValueError for an elementwise optimiser whose state has not the
    shape of the parameters.
    """
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, size in sizes.items():
        for state, shape in optimiser.state_shapes(name, size).items():
            found.setdefault(state, {})[name] = tuple(shape)
    for state, shapes in found.items():
        if optimiser.elementwise and shapes != dict(sizes):
            raise ValueError(
                f"optimiser {optimiser.name} is elementwise, so its {state} must have the parameters' shapes"
            )
    return found


def n_numbers(sizes: Sizes) -> int:
    """How many numbers tensors of these shapes hold."""
    return sum(math.prod(size) for size in sizes.values())


def n_state_numbers(optimiser: Optimiser, sizes: Sizes) -> int:
    """How many numbers an optimiser remembers for parameters of these shapes."""
    return sum(n_numbers(shapes) for shapes in state_sizes(optimiser, sizes).values())

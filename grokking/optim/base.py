"""What an optimiser is to everything else: its options, its state by shape, one step."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from grokking.config_fields import Options, option, require

if TYPE_CHECKING:  # help texts read this module and need no PyTorch
    from torch import Tensor

    Tensors = Mapping[str, Tensor]
    """Tensors by the name of a parameter."""


@dataclass(frozen=True)
class OptimiserOptions(Options):
    """What every optimiser has: a learning rate and a weight decay. A subclass may change their defaults."""

    lr: float = option(1e-3, "learning rate")
    weight_decay: float = option(1.0, "weight decay, decoupled from the gradient")

    def check(self) -> None:
        """Raises UserError, naming the field."""
        require(self.lr >= 0, "lr", self.lr, "0 or above")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or above")


class Optimiser(Protocol):
    """An optimiser: an entry of ``OPTIMISERS``. It has no state of its own."""

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

        If so, ``step`` may be given all parameters as one flat tensor, which is faster; it must not matter.
        """
        ...

    def state_shapes(self, name: str, size: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """Shapes of the state tensors of one parameter, by their names; they start as zeros.

        Checkpoints hold them as ``optimiser.<state>.<parameter>``; estimates of memory and disk count them.
        """
        ...

    def step(
        self,
        weights: "Tensors",
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",
        options: Any,
        lr: "float | Tensor",
        n_updates: int,
    ) -> None:
        """Change ``weights`` and ``state`` in place by one update.

        weights, gradients: float32 by parameter; matrices stay matrices, and leading axes may be replicas
        that must not mix.  state: by state's name, then by parameter, in the shapes of ``state_shapes``
        (after the replica axes).  lr: the rate of this update, after warm-up.  n_updates: updates before it.
        """
        ...

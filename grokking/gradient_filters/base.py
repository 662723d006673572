"""What a gradient filter is to everything else: its options, its state by shape, one change of a gradient."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from grokking.config_fields import Options

if TYPE_CHECKING:  # help texts read this module and need no PyTorch
    from torch import Tensor

    Tensors = Mapping[str, Tensor]
    """Tensors by the name of a parameter."""


class WithoutMemory:
    """What filters share that remember nothing between two updates."""

    def state_shapes(self, name: str, size: tuple[int, ...], options: Any) -> dict[str, tuple[int, ...]]:  # noqa: ARG002
        """Nothing is remembered."""
        return {}


class GradientFilter(Protocol):
    """A change of the gradient before the optimiser's step: an entry of ``GRADIENT_FILTERS``.

    The entry itself remembers nothing between two steps. ``rank``, which orders the entries, is optional, and
    so is ``idle``: True for a filter that does nothing, so that compiled steps need not wait for it.
    """

    @property
    def name(self) -> str:
        """The name that ``--gradient_filter`` takes."""
        ...

    @property
    def options(self) -> type[Options]:
        """The options that a config with this filter has."""
        ...

    def state_shapes(self, name: str, size: tuple[int, ...], options: Any) -> dict[str, tuple[int, ...]]:
        """Shapes of the state tensors of one parameter, by their names; they start as zeros.

        Checkpoints hold them as ``optimiser.filter_<state>.<parameter>``; estimates of memory and disk count
        them.
        """
        ...

    def apply(
        self,
        weights: "Tensors",
        gradients: "Tensors",
        state: "Mapping[str, Tensors]",
        options: Any,
        n_updates: "int | Tensor",
    ) -> None:
        """Change ``gradients`` and ``state`` in place, for one update of one run.

        weights, gradients: float32 by parameter, in its shape.  state: by state's name, then by parameter.
        options: those of the config.  n_updates: updates before this one.

        On a GPU ``n_updates`` is a float32 tensor without axes, and the call is recorded once and replayed:
        it must neither read values nor wait for the device.
        """
        ...

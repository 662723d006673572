"""What a loss is to everything else: its options, and its value for each pair."""

from typing import TYPE_CHECKING, Any, Protocol

from grokking.config_fields import Options

if TYPE_CHECKING:  # help texts read this module and need no PyTorch
    from torch import Tensor


class Loss(Protocol):
    """What one pair contributes to the train loss: an entry of ``LOSSES``.

    Two attributes are optional. ``rank`` orders the entries. ``compiled_loss`` names a loss that the numba
    engine has compiled (``engines.numba.layout.COMPILED_LOSSES``) and whose values and gradients are those of
    ``per_pair`` with default options; any other loss is trained by the engines that use autograd.

    The history's ``train_loss`` and ``test_loss`` stay cross-entropies, whatever is minimised.
    """

    @property
    def name(self) -> str:
        """The name that ``--loss`` takes."""
        ...

    @property
    def options(self) -> type[Options]:
        """The options that a config with this loss has."""
        ...

    def per_pair(self, logits: "Tensor", answers: "Tensor", options: Any) -> "Tensor":
        """The loss of each pair, float64 [N], differentiable with respect to the logits.

        logits: float64 [N, n_classes].  answers: int64 [N].  options: those of the config.
        """
        ...

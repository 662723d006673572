"""What a model is to everything else: shapes of parameters, a readable forward pass, a draw of weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from grokking.config_fields import Options
from grokking.tasks.base import Vocabulary

if TYPE_CHECKING:  # help texts read this module and need no PyTorch
    import torch

Weights = Mapping[str, "torch.Tensor"]
"""Parameters by name, in the shapes of ``Shape.parameter_shapes``."""


@runtime_checkable
class Shape(Protocol):
    """Everything but the weights that a forward pass needs; hashable, so that equal runs share work."""

    @property
    def model(self) -> str:
        """The name of the model in ``MODELS``."""
        ...

    @property
    def n_numbers(self) -> int:
        """Operand tokens; operation tokens follow them."""
        ...

    @property
    def n_ctx(self) -> int:
        """Tokens of a question."""
        ...

    @property
    def n_classes(self) -> int:
        """Columns of the logits."""
        ...

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter, in the order in which they are stored."""
        ...

    def misfit(self, weights: Weights) -> str | None:
        """Name of the first parameter that is missing or of another shape; None if all fit."""
        ...


@runtime_checkable
class Model(Protocol):
    """A kind of network: an entry of ``MODELS``.

    A model with neurons has one more method, ``activations(weights, shape, tokens)``: a dict of "neurons"
    [N, d_mlp], after the non-linearity at the last position, and of "logits" as ``logits`` gives them.
    """

    @property
    def name(self) -> str:
        """The name that ``--model`` takes."""
        ...

    @property
    def options(self) -> type[Options]:
        """The options that a config with this model has."""
        ...

    @property
    def engines(self) -> tuple[str, ...]:
        """Engines that can serve it, the fastest first; what an engine cannot serve it refuses itself."""
        ...

    def shape(self, options: Any, vocabulary: Vocabulary) -> Any:
        """The shape that the options ask for, with a task's tokens and classes."""
        ...

    def initial_weights(self, shape: Any, seed: int, scheme: str) -> "dict[str, torch.Tensor]":
        """Float32 weights of epoch 0, drawn from the seed; scheme as in a config's ``init_scheme``.

        Raises UserError for a scheme that this model does not have.
        """
        ...

    def logits(self, weights: Weights, shape: Any, tokens: "torch.Tensor") -> "torch.Tensor":
        """The readable forward pass: logits [N, n_classes] at the last position for int64 tokens [N, n_ctx].

        Differentiable; any device; float32 or float64, as the weights are.
        """
        ...


def activations_of(
    model: Model, weights: Weights, shape: Any, tokens: "torch.Tensor"
) -> "dict[str, torch.Tensor]":
    """``activations`` of any model; where it has no neurons, they are an empty tensor [N, 0]."""
    if hasattr(model, "activations"):
        found: dict[str, torch.Tensor] = model.activations(weights, shape, tokens)
        return found
    logits = model.logits(weights, shape, tokens)
    return {"neurons": logits.new_empty(len(logits), 0), "logits": logits}


def misfit(shapes: Mapping[str, tuple[int, ...]], weights: Weights) -> str | None:
    """Name of the first parameter that is missing or of another shape; None if all fit."""
    for name, size in shapes.items():
        if name not in weights or tuple(weights[name].shape) != size:
            return name
    return None

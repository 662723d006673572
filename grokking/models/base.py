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

    What measures read of a network they ask for by further methods. A model has those that have a meaning for
    it; what rests on another is then null in the run's files.

    - ``activations(weights, shape, tokens)``: a dict of "neurons" [N, d_mlp], after the last non-linearity,
      at the last position, and of "logits" as ``logits`` gives them.
    - ``matrices(weights, shape)``: see ``matrices_of``.
    - ``embed(weights, shape, tokens)``: [N, positions, d_model], what each token is embedded as; the operands
      come first.  ``logits_of_embedded(weights, shape, embedded)``: the logits [N, n_classes] that follow.
    - ``attention(weights, shape, tokens)``: [N, n_layers, n_heads, positions], what the last position attends
      to.
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


def matrices_of(model: Model, weights: Weights, shape: Any) -> "dict[str, torch.Tensor]":
    """The matrices of a network that measures read, in the precision of the weights, each where there is one.

    "embedding" [n_numbers, width]: of each operand token, its embeddings as the first and as the second
    operand side by side where those differ.  "write" [d_mlp, d_model]: what one unit of each neuron adds to
    the vector that the logits are read from; a norm in between is left out.  "unembedding" [d_model,
    n_classes]: what makes logits of that vector.
    """
    if hasattr(model, "matrices"):
        found: dict[str, torch.Tensor] = model.matrices(weights, shape)
        return found
    named = {"embedding": "W_E", "write": "W_out", "unembedding": "W_U"}
    return {kind: weights[name] for kind, name in named.items() if name in weights}


def misfit(shapes: Mapping[str, tuple[int, ...]], weights: Weights) -> str | None:
    """Name of the first parameter that is missing or of another shape; None if all fit."""
    for name, size in shapes.items():
        if name not in weights or tuple(weights[name].shape) != size:
            return name
    return None

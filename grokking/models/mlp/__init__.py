"""MLPs on two embeddings, in the shapes that studies of groups and of modular addition use.

- The embeddings of the two operands side by side, one linear layer, an unembedding: W_x, W_y, W_in, W_U
  (Chughtai et al. 2023, arXiv 2302.03025); with one embedding for both, type D of Zhong et al. 2023 (arXiv
  2306.17844).
- Their sum right through the non-linearity, mostly a square, and an unembedding: ``--n_layers 0 --combine sum
  --activation square`` (Gromov 2023, arXiv 2301.02679).

The forward pass itself lies in ``network``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokking.config_fields import Options, option, require
from grokking.models import MODELS
from grokking.models.activations import NAMES
from grokking.models.base import Weights, misfit
from grokking.tasks.base import N_CTX, Vocabulary

if TYPE_CHECKING:  # help texts read this module and need no PyTorch
    import torch

MOST_LAYERS = 4
MLP_BIASES = ("b_in", "b_U")
"""Biases that an MLP may have: of its linear layers, and of the logits."""
SIDE_BY_SIDE, SUM = COMBINE = ("side_by_side", "sum")


@dataclass(frozen=True)
class MLPOptions(Options):
    """The config fields of the MLP."""

    d_model: int = option(256, "width of an embedding")
    d_mlp: int = option(128, "MLP neurons")
    n_layers: int = option(1, "layers, each of attention and MLP; of an MLP its linear layers", sparse=True)
    biases: str = option("", f"biases, joined by commas: {', '.join(MLP_BIASES)}")
    activation: str = option("relu", "MLP non-linearity", NAMES)
    combine: str = option(SIDE_BY_SIDE, "how an MLP takes the two embeddings", COMBINE)
    shared_embedding: bool = option(False, "one embedding of an MLP serves both operands")

    def check(self) -> None:
        """Raises UserError, naming the field."""
        for name in ("d_model", "d_mlp"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "an integer of at least 1")
        layers = 0 <= self.n_layers <= MOST_LAYERS
        require(layers, "n_layers", self.n_layers, f"0 to {MOST_LAYERS}, a whole number, with the model mlp")
        extra = self.biases.split(",") if self.biases else []
        ordered = extra == [b for b in MLP_BIASES if b in extra]
        require(ordered, "biases", self.biases, f"some of {','.join(MLP_BIASES)}, in this order")
        if self.n_layers == 0:
            require(self.combine == SUM, "combine", self.combine, f"{SUM}, where n_layers is 0")
            same = self.d_model == self.d_mlp
            require(same, "d_mlp", self.d_mlp, f"d_model = {self.d_model}, where n_layers is 0")


@dataclass(frozen=True)
class MLPShape:
    """Everything but the weights that the forward pass of an MLP needs.

    n_numbers: operand tokens.  n_extra: rows of the embeddings that no question has.  n_classes: columns of
    W_U.  d_model: width of an embedding.  d_mlp: neurons of each layer.  n_layers: linear layers between
    embedding and unembedding.  biases: those of ``MLP_BIASES`` that it has.
    """

    n_numbers: int
    n_extra: int
    n_classes: int
    d_model: int
    d_mlp: int
    n_layers: int = 1
    activation: str = "relu"
    combine: str = SIDE_BY_SIDE
    shared_embedding: bool = False
    biases: tuple[str, ...] = ()
    n_ctx: int = N_CTX - 1

    @property
    def model(self) -> str:
        """The name of the model in ``MODELS``."""
        return "mlp"

    @property
    def n_answers(self) -> int:
        """Of modular arithmetic: classes that can be right, as many as there are numbers."""
        return self.n_numbers

    @property
    def n_sets(self) -> int:
        """One set of numbers, since there is one operation."""
        return 1

    @property
    def most_operations(self) -> int:
        """How many operations its questions can ask for."""
        return 1

    @property
    def embeddings(self) -> tuple[str, str]:
        """Names of the embeddings of the first and of the second operand."""
        return ("W_E", "W_E") if self.shared_embedding else ("W_x", "W_y")

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter, in the order in which they are stored."""
        d, m, further = self.d_model, self.d_mlp, self.n_layers - 1
        shapes: dict[str, tuple[int, ...]] = {
            name: (self.n_numbers + self.n_extra, d) for name in dict.fromkeys(self.embeddings)
        }
        if self.n_layers > 0:
            shapes["W_in"] = (2 * d if self.combine == SIDE_BY_SIDE else d, m)
        if self.n_layers > 1:
            shapes["W_hidden"] = (further, m, m)
        if "b_in" in self.biases:
            shapes["b_in"] = (m,)
            shapes |= {"b_hidden": (further, m)} if self.n_layers > 1 else {}
        shapes["W_U"] = (m, self.n_classes)
        return shapes | ({"b_U": (self.n_classes,)} if "b_U" in self.biases else {})

    def misfit(self, weights: Weights) -> str | None:
        """Name of the first parameter that is missing or of another shape; None if all fit."""
        return misfit(self.parameter_shapes(), weights)


class MLP:
    """The entry "mlp": embeddings of two operands, linear layers, an unembedding."""

    name = "mlp"
    rank = 20
    options = MLPOptions
    engines = ("batched", "reference")

    def shape(self, options: MLPOptions, vocabulary: Vocabulary) -> MLPShape:
        """Sizes of the options and of the task together; raises UserError for a task it cannot read."""
        n_ops = vocabulary.n_ops - vocabulary.n_extra
        readable = vocabulary.n_ctx == N_CTX and n_ops == 1 and not vocabulary.scalars
        about = f"a task of one operation with two operands; this one has {n_ops} and {vocabulary.n_ctx - 1}"
        require(readable, "model", self.name, about)
        return MLPShape(
            n_numbers=vocabulary.n_numbers,
            n_extra=vocabulary.n_extra,
            n_classes=vocabulary.n_classes,
            biases=tuple(options.biases.split(",")) if options.biases else (),
            **{name: getattr(options, name) for name in SAME},
        )

    def initial_weights(self, shape: MLPShape, seed: int, scheme: str) -> "dict[str, torch.Tensor]":
        """As ``network.draw_weights``."""
        from grokking.models.mlp.network import draw_weights

        return draw_weights(shape, seed, scheme)

    def logits(self, weights: Weights, shape: MLPShape, tokens: "torch.Tensor") -> "torch.Tensor":
        """As ``network.forward``."""
        return self.activations(weights, shape, tokens)["logits"]

    def activations(
        self, weights: Weights, shape: MLPShape, tokens: "torch.Tensor"
    ) -> "dict[str, torch.Tensor]":
        """The neurons of the last layer, and the logits."""
        from grokking.models.mlp.network import embed, forward

        neurons, logits = forward(weights, shape, embed(weights, shape, tokens))
        return {"neurons": neurons, "logits": logits}

    def embed(self, weights: Weights, shape: MLPShape, tokens: "torch.Tensor") -> "torch.Tensor":
        """As ``network.embed``."""
        from grokking.models.mlp.network import embed

        return embed(weights, shape, tokens)

    def logits_of_embedded(
        self, weights: Weights, shape: MLPShape, embedded: "torch.Tensor"
    ) -> "torch.Tensor":
        """As ``network.forward``."""
        from grokking.models.mlp.network import forward

        return forward(weights, shape, embedded)[1]

    def matrices(self, weights: Weights, shape: MLPShape) -> "dict[str, torch.Tensor]":
        """As ``network.matrices``."""
        from grokking.models.mlp.network import matrices

        return matrices(weights, shape)


SAME = ("d_model", "d_mlp", "n_layers", "activation", "combine", "shared_embedding")
"""Options that are fields of the shape under the same name."""
MODELS.register(MLP())

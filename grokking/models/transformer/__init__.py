"""The transformer of one to four layers: its options and its entry in ``MODELS``.

Its sizes lie in ``shape``, the forward pass in ``network``, the draw of its weights in ``initial``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokking.config_fields import Options, option, require
from grokking.models import MODELS
from grokking.models.activations import TABLE
from grokking.models.base import Weights
from grokking.models.transformer.shape import (
    CAUSAL,
    DIRECTIONS,
    EXTRA_BIASES,
    LAYER,
    LAYER_NORM_EPS,
    NORM_KINDS,
    NORM_PLACES,
    ModelShape,
)
from grokking.tasks.base import N_CTX, Vocabulary

if TYPE_CHECKING:  # help texts read this module and need no PyTorch
    import torch

ACTIVATIONS = tuple(TABLE)
MOST_LAYERS = 4
__all__ = ["ACTIVATIONS", "EXTRA_BIASES", "LAYER_NORM_EPS", "ModelShape", "Transformer", "TransformerOptions"]


SWITCHES = (
    "n_layers",
    "attention_rate",
    "attention_dir",
    "norm_kind",
    "norm_places",
    "tied_embedding",
    "separate_vocabularies",
    "two_tokens",
)
"""Options that are fields of the shape under the same name."""
LAYER_NORM_DEFAULTS = {"norm_kind": LAYER, "norm_places": NORM_PLACES[0]}


@dataclass(frozen=True)
class TransformerOptions(Options):
    """The config fields of the transformer."""

    d_model: int = option(128, "width of the residual stream")
    n_heads: int = option(4, "attention heads; d_model must be a multiple")
    d_mlp: int = option(512, "MLP neurons")
    head_width: int = option(0, "width of an attention head; 0: d_model / n_heads")
    biases: str = option("", f"biases in addition to the MLP's, joined by commas: {', '.join(EXTRA_BIASES)}")
    activation: str = option("relu", "MLP non-linearity", ACTIVATIONS)
    layer_norm: bool = option(False, "layer norm before attention, MLP and unembedding")
    layer_norm_eps: float = option(LAYER_NORM_EPS, "what layer norm adds to the variance")
    attention_temperature: float = option(1.0, "softmax temperature of the attention")
    n_layers: int = option(1, "layers, each of attention and MLP; of an MLP its linear layers", sparse=True)
    attention_rate: float = option(
        1.0, "share of the softmax in the attention; the rest is 1 at every position", sparse=True
    )
    attention_dir: str = option(CAUSAL, "which positions a position attends to", DIRECTIONS, sparse=True)
    norm_kind: str = option(LAYER, "layer norm, or RMSNorm in its place", NORM_KINDS, sparse=True)
    norm_places: str = option(
        NORM_PLACES[0],
        "where norms are: before or after attention and MLP, at the end",
        NORM_PLACES,
        sparse=True,
    )
    tied_embedding: bool = option(False, "the unembedding is the transposed embedding", sparse=True)
    separate_vocabularies: bool = option(False, "the second operand has embeddings of its own", sparse=True)
    two_tokens: bool = option(
        False, "read [a, b] alone, the answer at b; for tasks of one operation", sparse=True
    )

    @property
    def d_head(self) -> int:
        """Width of one attention head."""
        return self.head_width or self.d_model // self.n_heads

    def check(self) -> None:
        """Raises UserError, naming the field."""
        for name in ("d_model", "n_heads", "d_mlp"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "an integer of at least 1")
        require(self.head_width >= 0, "head_width", self.head_width, "an integer of at least 0")
        require(
            bool(self.head_width) or self.d_model % self.n_heads == 0,
            "d_model",
            self.d_model,
            f"a multiple of n_heads = {self.n_heads}, or any with head_width",
        )
        extra = self.biases.split(",") if self.biases else []
        require(
            extra == [b for b in EXTRA_BIASES if b in extra],
            "biases",
            self.biases,
            f"some of {','.join(EXTRA_BIASES)}, in this order",
        )
        require(
            self.attention_temperature > 0, "attention_temperature", self.attention_temperature, "above 0"
        )
        require(
            1 <= self.n_layers <= MOST_LAYERS,
            "n_layers",
            self.n_layers,
            f"a whole number of 1 to {MOST_LAYERS}",
        )
        require(0 <= self.attention_rate <= 1, "attention_rate", self.attention_rate, "from 0 to 1")
        self._check_layer_norm_eps()
        for name in ("norm_kind", "norm_places"):
            given = self.layer_norm or getattr(self, name) == LAYER_NORM_DEFAULTS[name]
            require(given, name, getattr(self, name), "only with layer_norm; leave it out")

    def _check_layer_norm_eps(self) -> None:
        eps = self.layer_norm_eps
        require(0 < eps < 1, "layer_norm_eps", eps, "between 0 and 1, both excluded")
        given = self.layer_norm or eps == LAYER_NORM_EPS
        require(given, "layer_norm_eps", eps, "only with layer_norm; leave it out")


class Transformer:
    """The entry "transformer": layers of attention and an MLP, read at the last position."""

    name = "transformer"
    rank = 10
    options = TransformerOptions
    engines = ("numba", "batched", "reference")

    def shape(self, options: TransformerOptions, vocabulary: Vocabulary) -> ModelShape:
        """Sizes of the options and of the task together."""
        _check_fit(options, vocabulary)
        return ModelShape(
            n_numbers=vocabulary.n_numbers,
            n_ops=vocabulary.n_ops - options.two_tokens,
            n_classes=vocabulary.n_classes,
            n_sets=vocabulary.n_sets,
            n_ctx=vocabulary.n_ctx - options.two_tokens,
            scalars=vocabulary.scalars,
            d_model=options.d_model,
            n_heads=options.n_heads,
            d_head=options.d_head,
            d_mlp=options.d_mlp,
            activation=options.activation,
            layer_norm=options.layer_norm,
            attention_temperature=options.attention_temperature,
            biases=tuple(options.biases.split(",")) if options.biases else (),
            layer_norm_eps=options.layer_norm_eps,
            **{name: getattr(options, name) for name in SWITCHES},
        )

    def initial_weights(self, shape: ModelShape, seed: int, scheme: str) -> "dict[str, torch.Tensor]":
        """As ``initial.draw_weights``."""
        from grokking.models.transformer.initial import draw_weights

        return draw_weights(shape, seed, scheme)

    def logits(self, weights: Weights, shape: ModelShape, tokens: "torch.Tensor") -> "torch.Tensor":
        """As ``network.forward``, at the last position."""
        from grokking.models.transformer.network import forward

        return forward(weights, shape, tokens)[:, -1]

    def activations(
        self, weights: Weights, shape: ModelShape, tokens: "torch.Tensor"
    ) -> "dict[str, torch.Tensor]":
        """As ``network.neurons_and_logits``, at the last position."""
        from grokking.models.transformer.network import neurons_and_logits

        neurons, logits = neurons_and_logits(weights, shape, tokens)
        return {"neurons": neurons[:, -1], "logits": logits[:, -1]}

    def attention(self, weights: Weights, shape: ModelShape, tokens: "torch.Tensor") -> "torch.Tensor":
        """As ``network.attention_of_last``."""
        from grokking.models.transformer.network import attention_of_last

        return attention_of_last(weights, shape, tokens)

    def embed(self, weights: Weights, shape: ModelShape, tokens: "torch.Tensor") -> "torch.Tensor":
        """As ``network.embed``."""
        from grokking.models.transformer.network import embed

        return embed(weights, shape, tokens)

    def logits_of_embedded(
        self, weights: Weights, shape: ModelShape, embedded: "torch.Tensor"
    ) -> "torch.Tensor":
        """As ``network.run_layers``, at the last position."""
        from grokking.models.transformer.network import run_layers

        return run_layers(weights, shape, embedded)[1][:, -1]

    def matrices(self, weights: Weights, shape: ModelShape) -> "dict[str, torch.Tensor]":
        """As ``network.matrices``."""
        from grokking.models.transformer.network import matrices

        return matrices(weights, shape)


def _check_fit(options: TransformerOptions, vocabulary: Vocabulary) -> None:
    """Raises UserError for a model that cannot read the questions of a task."""
    if options.two_tokens:
        one = vocabulary.n_ops - vocabulary.n_extra == 1 and vocabulary.n_ctx == N_CTX
        n_ops = vocabulary.n_ops - vocabulary.n_extra
        accepted = f"only for tasks of one operation with two operands; this one has {n_ops} operations and "
        require(one, "two_tokens", True, accepted + f"{vocabulary.n_ctx - 1} operands")
    for name in ("separate_vocabularies", "tied_embedding"):
        if getattr(options, name):
            require(
                vocabulary.n_ctx == N_CTX and not vocabulary.scalars,
                name,
                True,
                "only for tasks with two operands, each token with an embedding of its own",
            )
    if options.tied_embedding:
        rows = vocabulary.n_numbers + vocabulary.n_ops - options.two_tokens
        require(
            vocabulary.n_classes <= rows,
            "tied_embedding",
            True,
            f"only with at most as many classes as embeddings; here {vocabulary.n_classes} and {rows}",
        )


MODELS.register(Transformer())

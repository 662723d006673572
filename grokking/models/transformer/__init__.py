"""The one-layer transformer: its options, the shapes of its parameters, its entry in ``MODELS``.

The forward pass itself lies in ``network``, the draw of its weights in ``initial``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grokking.config_fields import Options, option, require
from grokking.models import MODELS
from grokking.models.activations import TABLE
from grokking.models.base import Weights, misfit
from grokking.tasks.base import N_CTX, Vocabulary

if TYPE_CHECKING:  # help texts read this module and need no PyTorch
    import torch

ACTIVATIONS = tuple(TABLE)
LAYER_NORM_EPS = 1e-5
"""PyTorch's default."""
EXTRA_BIASES = ("b_Q", "b_K", "b_V", "b_O", "b_U")
"""Biases that a model may have in addition to those of its MLP, in the order in which they are stored."""


@dataclass(frozen=True)
class TransformerOptions(Options):
    """The config fields of the one-layer transformer."""

    d_model: int = option(128, "width of the residual stream")
    n_heads: int = option(4, "attention heads; d_model must be a multiple")
    d_mlp: int = option(512, "MLP neurons")
    head_width: int = option(0, "width of an attention head; 0: d_model / n_heads")
    biases: str = option("", f"biases in addition to the MLP's, joined by commas: {', '.join(EXTRA_BIASES)}")
    activation: str = option("relu", "MLP non-linearity", ACTIVATIONS)
    layer_norm: bool = option(False, "layer norm before attention, MLP and unembedding")
    layer_norm_eps: float = option(LAYER_NORM_EPS, "what layer norm adds to the variance")
    attention_temperature: float = option(1.0, "softmax temperature of the attention")

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
        self._check_layer_norm_eps()

    def _check_layer_norm_eps(self) -> None:
        eps = self.layer_norm_eps
        require(0 < eps < 1, "layer_norm_eps", eps, "between 0 and 1, both excluded")
        given = self.layer_norm or eps == LAYER_NORM_EPS
        require(given, "layer_norm_eps", eps, "only with layer_norm; leave it out")


@dataclass(frozen=True)
class ModelShape:
    """Everything but the weights that the forward pass needs.

    n_numbers: operand tokens.  n_sets: into how many sets of the same numbers they fall, one for each
    operation where those share none.  n_ops: operation tokens, and any others behind them.  n_classes:
    columns of W_U; of modular arithmetic at least n_answers, those beyond being extra classes such as
    "=".  n_ctx: tokens of a question.  scalars: per operand position the values of its tokens, where
    embeddings are a function of a value; empty where every token has an embedding of its own.
    biases: those of ``EXTRA_BIASES`` that the model has.
    """

    n_numbers: int
    n_ops: int
    d_model: int
    n_heads: int
    d_head: int
    d_mlp: int
    n_classes: int
    activation: str = "relu"
    layer_norm: bool = False
    attention_temperature: float = 1.0
    n_sets: int = 1
    n_ctx: int = N_CTX
    scalars: tuple[tuple[float, ...], ...] = ()
    biases: tuple[str, ...] = ()
    layer_norm_eps: float = LAYER_NORM_EPS

    @property
    def model(self) -> str:
        """The name of the model in ``MODELS``."""
        return "transformer"

    @property
    def d_vocab(self) -> int:
        """Tokens, each with an embedding."""
        return self.n_numbers + self.n_ops

    @property
    def n_answers(self) -> int:
        """Of modular arithmetic: classes that can be right, as many as there are numbers."""
        return self.n_numbers // self.n_sets

    @property
    def score_scale(self) -> float:
        """What attention scores are multiplied by: 1 / (√d_head · temperature)."""
        return 1.0 / (self.d_head**0.5 * self.attention_temperature)

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter, in the order in which they are stored."""
        d, h, e, m, q = self.d_model, self.n_heads, self.d_head, self.d_mlp, len(self.scalars)
        shapes: dict[str, tuple[int, ...]] = {
            "W_E": (self.n_ops if q else self.d_vocab, d),
            "W_pos": (self.n_ctx, d),
            "W_Q": (h, d, e),
            "W_K": (h, d, e),
            "W_V": (h, d, e),
            "W_O": (h, e, d),
            "W_in": (d, m),
            "b_in": (m,),
            "W_out": (m, d),
            "b_out": (d,),
            "W_U": (d, self.n_classes),
        }
        if q:
            shapes |= {"W_lift": (q, d), "b_lift": (q, d), "W_embed": (q, d, d)}
        if self.layer_norm:
            for name in ("ln1", "ln2", "ln_final"):
                shapes |= {f"{name}_w": (d,), f"{name}_b": (d,)}
        extra = {"b_Q": (h, e), "b_K": (h, e), "b_V": (h, e), "b_O": (d,), "b_U": (self.n_classes,)}
        return shapes | {name: extra[name] for name in self.biases}

    def misfit(self, weights: Weights) -> str | None:
        """Name of the first parameter that is missing or of another shape; None if all fit."""
        return misfit(self.parameter_shapes(), weights)


class Transformer:
    """The entry "transformer": one layer, attention and an MLP, read at the last position."""

    name = "transformer"
    rank = 10
    options = TransformerOptions
    engines = ("numba", "batched", "reference")

    def shape(self, options: TransformerOptions, vocabulary: Vocabulary) -> ModelShape:
        """Sizes of the options and of the task together."""
        return ModelShape(
            n_numbers=vocabulary.n_numbers,
            n_ops=vocabulary.n_ops,
            n_classes=vocabulary.n_classes,
            n_sets=vocabulary.n_sets,
            n_ctx=vocabulary.n_ctx,
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


MODELS.register(Transformer())

"""The sizes of a transformer and the switches of its forward pass; the shapes of all its parameters."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from grokking.models.base import Weights, misfit
from grokking.tasks.base import N_CTX

LAYER_NORM_EPS = 1e-5
"""PyTorch's default."""
EXTRA_BIASES = ("b_Q", "b_K", "b_V", "b_O", "b_U")
"""Biases that a model may have in addition to those of its MLP, in the order in which they are stored."""
CAUSAL, BIDIRECTIONAL = DIRECTIONS = ("causal", "bidirectional")
LAYER, RMS = NORM_KINDS = ("layer", "rms")
BEFORE, AFTER, FINAL = "before", "after", "final"
LAYER_PREFIX = re.compile(r"^block\d+_")
NORM_PLACES = ("before,final", "before", "after", "after,final", "final")
"""Before attention and MLP or after the residual sum of each, and before the unembedding."""


@dataclass(frozen=True)
class ModelShape:
    """Everything but the weights that the forward pass needs.

    n_numbers: operand tokens.  n_sets: into how many sets of the same numbers they fall, one for each
    operation where those share none.  n_ops: operation tokens, and any others behind them.  n_classes:
    columns of W_U; of modular arithmetic at least n_answers, those beyond being extra classes such as
    "=".  n_ctx: positions that the model reads, the first of a question's tokens.  scalars: per operand
    position the values of its tokens, where embeddings are a function of a value; empty where every token
    has an embedding of its own.  biases: those of ``EXTRA_BIASES`` that the model has.  attention_rate: the
    share of the softmax in the attention, the rest being 1 at every position (Zhong et al. 2023, arXiv
    2306.17844, section 4).  norm_kind, norm_places: of the norms, if ``layer_norm``.  tied_embedding: whether
    W_U is the transpose of the first rows of W_E.  separate_vocabularies: whether the second operand has
    embeddings of its own.
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
    n_layers: int = 1
    attention_rate: float = 1.0
    attention_dir: str = CAUSAL
    norm_kind: str = LAYER
    norm_places: str = NORM_PLACES[0]
    tied_embedding: bool = False
    separate_vocabularies: bool = False
    two_tokens: bool = False

    @property
    def model(self) -> str:
        """The name of the model in ``MODELS``."""
        return "transformer"

    @property
    def is_plain(self) -> bool:
        """One layer that reads the operation's token last, with a plain softmax and layer norm or none."""
        switches = self.tied_embedding or self.separate_vocabularies or self.two_tokens
        norms = not self.layer_norm or (self.norm_kind, self.norm_places) == (LAYER, NORM_PLACES[0])
        return self.n_layers == 1 and self.attention_rate == 1 and norms and not switches

    @property
    def build(self) -> str:
        """What tells it from the plain transformer, in words."""
        words = [
            f"{self.n_layers} layers" * (self.n_layers > 1),
            "two tokens" * self.two_tokens,
            f"attention rate {self.attention_rate:g}" * (self.attention_rate != 1),
            "a tied embedding" * self.tied_embedding,
            "a vocabulary for each operand" * self.separate_vocabularies,
            f"{self.norm_kind} norm {self.norm_places}"
            * (self.layer_norm and (self.norm_kind, self.norm_places) != (LAYER, NORM_PLACES[0])),
        ]
        return ", ".join(filter(None, words))

    @property
    def d_vocab(self) -> int:
        """Tokens, each with an embedding."""
        return self.n_numbers * (1 + self.separate_vocabularies) + self.n_ops

    @property
    def n_answers(self) -> int:
        """Of modular arithmetic: classes that can be right, as many as there are numbers."""
        return self.n_numbers // self.n_sets

    @property
    def most_operations(self) -> int:
        """How many operations its questions can ask for."""
        return 1 if self.two_tokens else self.n_ops

    @property
    def score_scale(self) -> float:
        """What attention scores are multiplied by: 1 / (√d_head · temperature)."""
        return 1.0 / (self.d_head**0.5 * self.attention_temperature)

    @property
    def norms(self) -> tuple[str, ...]:
        """The norms that the model has: ln1 of attention, ln2 of the MLP, ln_final."""
        if not self.layer_norm:
            return ()
        places = self.norm_places.split(",")
        inner = () if places == [FINAL] else ("ln1", "ln2")
        return inner + ("ln_final",) * (FINAL in places)

    @property
    def norms_after(self) -> bool:
        """Whether ln1 and ln2 follow the residual sum instead of preceding what is added to it."""
        return self.layer_norm and AFTER in self.norm_places.split(",")

    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter, in the order in which they are stored.

        The second layer's are called ``block1_W_Q`` and so on; those of the first have no prefix.
        """
        d, q = self.d_model, len(self.scalars)
        shapes: dict[str, tuple[int, ...]] = {
            "W_E": (self.n_ops if q else self.d_vocab, d),
            "W_pos": (self.n_ctx, d),
            **self._matrices_of_a_layer(),
            "W_U": (d, self.n_classes),
        }
        if self.tied_embedding:
            del shapes["W_U"]
        if q:
            shapes |= {"W_lift": (q, d), "b_lift": (q, d), "W_embed": (q, d, d)}
        shapes |= self._norm_shapes(self.norms)
        shapes |= self._bias_shapes(self.biases)
        return shapes | self._further_layers()

    def _matrices_of_a_layer(self) -> dict[str, tuple[int, ...]]:
        d, h, e, m = self.d_model, self.n_heads, self.d_head, self.d_mlp
        return {
            **{name: (h, d, e) for name in ("W_Q", "W_K", "W_V")},
            "W_O": (h, e, d),
            "W_in": (d, m),
            "b_in": (m,),
            "W_out": (m, d),
            "b_out": (d,),
        }

    def _norm_shapes(self, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
        letters = "w" if self.norm_kind == RMS else "wb"
        return {f"{name}_{letter}": (self.d_model,) for name in names for letter in letters}

    def _bias_shapes(self, names: Sequence[str]) -> dict[str, tuple[int, ...]]:
        h, e = self.n_heads, self.d_head
        own = {"b_Q": (h, e), "b_K": (h, e), "b_V": (h, e), "b_O": (self.d_model,), "b_U": (self.n_classes,)}
        return {name: own[name] for name in names}

    def _further_layers(self) -> dict[str, tuple[int, ...]]:
        norms = [name for name in self.norms if name != "ln_final"]
        biases = [name for name in self.biases if name != "b_U"]
        of_one = self._matrices_of_a_layer() | self._norm_shapes(norms) | self._bias_shapes(biases)
        return {
            layer_prefix(layer) + name: size
            for layer in range(1, self.n_layers)
            for name, size in of_one.items()
        }

    def misfit(self, weights: Weights) -> str | None:
        """Name of the first parameter that is missing or of another shape; None if all fit."""
        return misfit(self.parameter_shapes(), weights)


def layer_prefix(layer: int) -> str:
    """What the names of a layer's parameters begin with: nothing, then ``block1_``, ``block2_``.

    Counted from 0, as TransformerLens counts its blocks.
    """
    return f"block{layer}_" if layer else ""


def name_in_layer(name: str) -> str:
    """The name of a parameter without the prefix of its layer."""
    return LAYER_PREFIX.sub("", name)

"""The one-layer transformer, written to be read: the reference that every short cut is held to.

Names and right-multiplying shapes are TransformerLens's. Tokens go in, operands first and the
operation last (``[a, b, op]``), and the answer is read at the last position. Attention is causal; at
the last position that masks nothing.

Operands may be scalars instead of learned tokens: a token then stands for a value, and its embedding is
a learned function of that value (``lift``), the same for all values of a quantity.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grokking.activations import activation
from grokking.config import KINEMATICS, LAYER_NORM_EPS, SEPARATE, SHARED, RunConfig
from grokking.config_fields import one_of
from grokking.tasks import kinematics
from grokking.tasks.modular import parse_operations

N_CTX = 3
"""Tokens of a question with two operands."""

Weights = Mapping[str, Tensor]
"""Parameters by name, in the shapes of ``ModelShape.parameter_shapes``."""


@dataclass(frozen=True)
class ModelShape:
    """What the forward pass needs to know beside the weights.

    n_numbers: operand tokens.  n_sets: into how many sets of the same numbers they fall, one for each
    operation where those share none.  n_ops: operation tokens, and any others behind them.  n_classes:
    columns of W_U; of modular arithmetic at least n_answers, those beyond being extra classes such as
    "=".  n_ctx: tokens of a question.  scalars: per operand position the values of its tokens, where
    embeddings are a function of a value; empty where every token has an embedding of its own.
    biases: those of ``config.EXTRA_BIASES`` that the model has.
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

    @classmethod
    def of(cls, config: RunConfig) -> "ModelShape":
        """The shape that a run's config asks for."""
        return cls(
            **(_of_kinematics(config) if config.family == KINEMATICS else _of_arithmetic(config)),
            d_model=config.d_model,
            n_heads=config.n_heads,
            d_head=config.d_head,
            d_mlp=config.d_mlp,
            activation=config.activation,
            layer_norm=config.layer_norm,
            attention_temperature=config.attention_temperature,
            biases=tuple(config.biases.split(",")) if config.biases else (),
            layer_norm_eps=config.layer_norm_eps,
        )

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
        for name, size in self.parameter_shapes().items():
            if name not in weights or tuple(weights[name].shape) != size:
                return name
        return None


def _of_arithmetic(config: RunConfig) -> dict[str, Any]:
    n_ops = len(parse_operations(config.task))
    n_sets = one_of("operand_tokens", config.operand_tokens, {SHARED: 1, SEPARATE: n_ops})
    return {
        "n_numbers": n_sets * config.p,
        "n_sets": n_sets,
        "n_ops": n_ops + config.extra_tokens,
        "n_classes": config.p + config.equals_class + config.extra_classes,
    }


def _of_kinematics(config: RunConfig) -> dict[str, Any]:
    scalars = kinematics.grid_scalars(config)
    return {
        "n_numbers": sum(map(len, scalars)),
        "n_ops": 1,
        "n_classes": config.n_bins,
        "n_ctx": kinematics.N_CTX,
        "scalars": one_of("encoding", config.encoding, {"categorical": (), "continuous": scalars}),
    }


def normalise(x: Tensor, weights: Weights, name: str, shape: ModelShape) -> Tensor:
    """Layer norm ``name`` of x [..., d_model], or x itself where the model has none."""
    if not shape.layer_norm:
        return x
    scale, shift = weights[f"{name}_w"], weights[f"{name}_b"]
    return F.layer_norm(x, x.shape[-1:], eps=shape.layer_norm_eps) * scale + shift


def activate(pre: Tensor, shape: ModelShape) -> Tensor:
    """The MLP's non-linearity; raises UserError for one that is not in ``activations.TABLE``."""
    return activation(shape.activation).torch(pre)


def token_embeddings(weights: Weights, shape: ModelShape) -> Tensor:
    """The embedding of every token, [..., d_vocab, d_model]; leading axes are those of the weights."""
    own = weights["W_E"]
    if not shape.scalars:
        return own
    operands = (lift(weights, i, values) for i, values in enumerate(_as_tensors(shape.scalars, own.device)))
    return torch.cat([*operands, own], dim=-2)


def lift(weights: Weights, quantity: int, values: Tensor) -> Tensor:
    """Embeddings [..., n, d_model] of scalars [n]: one hidden layer of d_model ReLUs per quantity."""
    slope, offset = (weights[name][..., quantity, None, :] for name in ("W_lift", "b_lift"))
    return F.relu(values[:, None] * slope + offset) @ weights["W_embed"][..., quantity, :, :]


@lru_cache
def _as_tensors(scalars: tuple[tuple[float, ...], ...], device: torch.device) -> tuple[Tensor, ...]:
    # Kept, since nothing may be copied to a GPU while a graph is captured there.
    return tuple(torch.tensor(values, dtype=torch.float32, device=device) for values in scalars)


def plus_bias(x: Tensor, weights: Weights, name: str, shape: ModelShape) -> Tensor:
    """x with the extra bias ``name`` added to its last axis, or x itself where the model has none."""
    return x + weights[name] if name in shape.biases else x


def forward(weights: Weights, shape: ModelShape, tokens: Tensor) -> Tensor:
    """Logits [batch, n_ctx, n_classes] at every position, from tokens int64 [batch, n_ctx]."""
    x = token_embeddings(weights, shape)[tokens] + weights["W_pos"]
    x = x + attention(weights, shape, normalise(x, weights, "ln1", shape))
    hidden = normalise(x, weights, "ln2", shape) @ weights["W_in"] + weights["b_in"]
    x = x + activate(hidden, shape) @ weights["W_out"] + weights["b_out"]
    logits = normalise(x, weights, "ln_final", shape) @ weights["W_U"]
    return plus_bias(logits, weights, "b_U", shape)


def attention(weights: Weights, shape: ModelShape, x: Tensor) -> Tensor:
    """What all heads write into the residual stream, [batch, n_ctx, d_model]."""
    q, k, v = (
        plus_bias(
            torch.einsum("bsd,hde->bshe", x, weights[f"W_{name}"]), weights, f"b_{name}", shape
        ).transpose(1, 2)
        for name in "QKV"
    )
    scores = q @ k.transpose(-1, -2) * shape.score_scale
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
    pattern = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
    out = torch.einsum("bhse,hed->bsd", pattern @ v, weights["W_O"])
    return plus_bias(out, weights, "b_O", shape)


class OneLayerTransformer(nn.Module):
    """``forward`` with its weights held as named parameters.

    Calling it on int64 tokens [batch, n_ctx] gives logits [batch, n_classes] at the last position.
    """

    def __init__(self, shape: ModelShape, weights: Weights) -> None:
        super().__init__()
        self.shape = shape
        for name, expected in shape.parameter_shapes().items():
            if tuple(weights[name].shape) != expected:
                raise ValueError(f"{name} is {tuple(weights[name].shape)}, expected {expected}")
            self.register_parameter(name, nn.Parameter(weights[name].detach().clone()))

    @property
    def weights(self) -> dict[str, Tensor]:
        """Parameters by name."""
        return dict(self.named_parameters())

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits [batch, n_classes] at the last position."""
        return forward(self.weights, self.shape, tokens)[:, -1]

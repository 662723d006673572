"""The one-layer transformer, written to be read: the reference that every short cut is held to.

Names and right-multiplying shapes are TransformerLens's. Tokens go in, operands first and the
operation last (``[a, b, op]``), and the answer is read at the last position. Attention is causal; at
the last position that masks nothing.

Operands may be scalars instead of learned tokens: a token then stands for a value, and its embedding is
a learned function of that value (``lift``), the same for all values of a quantity.
"""

from collections.abc import Mapping
from functools import lru_cache

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from grokking.models.activations import activation
from grokking.models.transformer import ModelShape

Weights = Mapping[str, Tensor]
"""Parameters by name, in the shapes of ``ModelShape.parameter_shapes``."""


def normalise(
    x: Float[Tensor, "*rows width"], weights: Weights, name: str, shape: ModelShape
) -> Float[Tensor, "*rows width"]:
    """Layer norm ``name`` of x [..., d_model], or x itself where the model has none."""
    if not shape.layer_norm:
        return x
    scale, shift = weights[f"{name}_w"], weights[f"{name}_b"]
    return F.layer_norm(x, x.shape[-1:], eps=shape.layer_norm_eps) * scale + shift


def activate(pre: Float[Tensor, "*rows d_mlp"], shape: ModelShape) -> Float[Tensor, "*rows d_mlp"]:
    """The MLP's non-linearity; raises UserError for one that is not in ``activations.TABLE``."""
    return activation(shape.activation).torch(pre)


def token_embeddings(weights: Weights, shape: ModelShape) -> Float[Tensor, "*replicas d_vocab d_model"]:
    """The embedding of every token, [..., d_vocab, d_model]; leading axes are those of the weights."""
    own = weights["W_E"]
    if not shape.scalars:
        return own
    operands = (lift(weights, i, values) for i, values in enumerate(_as_tensors(shape.scalars, own.device)))
    return torch.cat([*operands, own], dim=-2)


def lift(weights: Weights, quantity: int, values: Float[Tensor, "n"]) -> Float[Tensor, "*replicas n d_model"]:
    """Embeddings [..., n, d_model] of scalars [n]: one hidden layer of d_model ReLUs per quantity."""
    slope, offset = (weights[name][..., quantity, None, :] for name in ("W_lift", "b_lift"))
    return F.relu(values[:, None] * slope + offset) @ weights["W_embed"][..., quantity, :, :]


@lru_cache
def _as_tensors(scalars: tuple[tuple[float, ...], ...], device: torch.device) -> tuple[Tensor, ...]:
    # Kept, since nothing may be copied to a GPU while a graph is captured there.
    return tuple(torch.tensor(values, dtype=torch.float32, device=device) for values in scalars)


def plus_bias(
    x: Float[Tensor, "*rows width"], weights: Weights, name: str, shape: ModelShape
) -> Float[Tensor, "*rows width"]:
    """x with the extra bias ``name`` added to its last axis, or x itself where the model has none."""
    return x + weights[name] if name in shape.biases else x


def forward(
    weights: Weights, shape: ModelShape, tokens: Int64[Tensor, "batch n_ctx"]
) -> Float[Tensor, "batch n_ctx n_classes"]:
    """Logits [batch, n_ctx, n_classes] at every position, from tokens int64 [batch, n_ctx]."""
    return neurons_and_logits(weights, shape, tokens)[1]


def neurons_and_logits(
    weights: Weights, shape: ModelShape, tokens: Int64[Tensor, "batch n_ctx"]
) -> tuple[Float[Tensor, "batch n_ctx d_mlp"], Float[Tensor, "batch n_ctx n_classes"]]:
    """Neurons [batch, n_ctx, d_mlp] after the activation, and what ``forward`` gives."""
    x = token_embeddings(weights, shape)[tokens] + weights["W_pos"]
    x = x + attention(weights, shape, normalise(x, weights, "ln1", shape))
    hidden = normalise(x, weights, "ln2", shape) @ weights["W_in"] + weights["b_in"]
    neurons = activate(hidden, shape)
    x = x + neurons @ weights["W_out"] + weights["b_out"]
    logits = normalise(x, weights, "ln_final", shape) @ weights["W_U"]
    return neurons, plus_bias(logits, weights, "b_U", shape)


def attention(
    weights: Weights, shape: ModelShape, x: Float[Tensor, "batch n_ctx d_model"]
) -> Float[Tensor, "batch n_ctx d_model"]:
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

    def forward(self, tokens: Int64[Tensor, "batch n_ctx"]) -> Float[Tensor, "batch n_classes"]:
        """Logits [batch, n_classes] at the last position."""
        return forward(self.weights, self.shape, tokens)[:, -1]

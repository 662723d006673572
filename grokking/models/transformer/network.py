"""The transformer, written to be read: the reference that every short cut is held to.

Names and right-multiplying shapes are TransformerLens's. Tokens go in, operands first and the
operation last (``[a, b, op]``), and the answer is read at the last position. Attention is causal unless the
shape says otherwise; at the last position that masks nothing.

Operands may be scalars instead of learned tokens: a token then stands for a value, and its embedding is
a learned function of that value (``lift``), the same for all values of a quantity.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional as F

from grokking.models import MODELS
from grokking.models.activations import activation
from grokking.models.transformer import ModelShape
from grokking.models.transformer.shape import BIDIRECTIONAL, RMS, layer_prefix

Weights = Mapping[str, Tensor]
"""Parameters by name, in the shapes of ``ModelShape.parameter_shapes``."""


def normalise(
    x: Float[Tensor, "*rows width"], weights: Weights, name: str, shape: ModelShape
) -> Float[Tensor, "*rows width"]:
    """Norm ``name`` of x [..., d_model], or x itself where the model has none.

    RMSNorm divides by the root mean square alone (Zhang and Sennrich 2019, arXiv 1910.07467).
    """
    if name not in shape.norms:
        return x
    scale = weights[f"{name}_w"]
    if shape.norm_kind == RMS:
        return F.rms_norm(x, x.shape[-1:], eps=shape.layer_norm_eps) * scale
    shift = weights[f"{name}_b"]
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
    weights: Weights, shape: ModelShape, tokens: Int64[Tensor, "batch n_tokens"]
) -> Float[Tensor, "batch n_ctx n_classes"]:
    """Logits [batch, n_ctx, n_classes] at every position, from tokens int64 [batch, n_tokens]."""
    return neurons_and_logits(weights, shape, tokens)[1]


def neurons_and_logits(
    weights: Weights, shape: ModelShape, tokens: Int64[Tensor, "batch n_tokens"]
) -> tuple[Float[Tensor, "batch n_ctx d_mlp"], Float[Tensor, "batch n_ctx n_classes"]]:
    """Neurons [batch, n_ctx, d_mlp] of the last layer, after the activation, and what ``forward`` gives."""
    return run_layers(weights, shape, embed(weights, shape, tokens))


def embed(
    weights: Weights, shape: ModelShape, tokens: Int64[Tensor, "batch n_tokens"]
) -> Float[Tensor, "batch n_ctx d_model"]:
    """What each position's token is embedded as, [batch, n_ctx, d_model], without the position."""
    return token_embeddings(weights, shape)[embedding_rows(shape, tokens)]


def embedding_rows(
    shape: ModelShape, tokens: Int64[Tensor, "batch n_tokens"]
) -> Int64[Tensor, "batch n_ctx"]:
    """Rows of W_E that the positions look up: those of a question's first n_ctx tokens."""
    read = tokens[..., : shape.n_ctx]
    if not shape.separate_vocabularies:
        return read
    behind_a = torch.arange(shape.n_ctx, device=tokens.device) > 0
    return read + behind_a * shape.n_numbers


def run_layers(
    weights: Weights, shape: ModelShape, embedded: Float[Tensor, "batch n_ctx d_model"]
) -> tuple[Float[Tensor, "batch n_ctx d_mlp"], Float[Tensor, "batch n_ctx n_classes"]]:
    """Neurons of the last layer and logits at every position, from what ``embed`` gives."""
    x = embedded + weights["W_pos"]
    for layer in range(shape.n_layers):
        x, neurons = run_layer(of_layer(weights, layer), shape, x)
    logits = normalise(x, weights, "ln_final", shape) @ unembedding(weights, shape)
    return neurons, plus_bias(logits, weights, "b_U", shape)


def run_layer(
    weights: Weights, shape: ModelShape, x: Float[Tensor, "batch n_ctx d_model"]
) -> tuple[Float[Tensor, "batch n_ctx d_model"], Float[Tensor, "batch n_ctx d_mlp"]]:
    """The residual stream after one layer, and the layer's neurons. weights: from ``of_layer``."""
    x = _after(x + attention(weights, shape, _before(x, weights, "ln1", shape)), weights, "ln1", shape)
    hidden = _before(x, weights, "ln2", shape) @ weights["W_in"] + weights["b_in"]
    neurons = activate(hidden, shape)
    return _after(x + neurons @ weights["W_out"] + weights["b_out"], weights, "ln2", shape), neurons


def _before(x: Tensor, weights: Weights, name: str, shape: ModelShape) -> Tensor:
    return x if shape.norms_after else normalise(x, weights, name, shape)


def _after(x: Tensor, weights: Weights, name: str, shape: ModelShape) -> Tensor:
    return normalise(x, weights, name, shape) if shape.norms_after else x


def of_layer(weights: Weights, layer: int) -> Weights:
    """The parameters of a layer (the first is 0) under the names that those of the first have."""
    prefix = layer_prefix(layer)
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}


def unembedding(weights: Weights, shape: ModelShape) -> Float[Tensor, "d_model n_classes"]:
    """W_U, or the first rows of W_E transposed where the two are tied."""
    return weights["W_E"][: shape.n_classes].T if shape.tied_embedding else weights["W_U"]


def attention(
    weights: Weights, shape: ModelShape, x: Float[Tensor, "batch n_ctx d_model"]
) -> Float[Tensor, "batch n_ctx d_model"]:
    """What all heads write into the residual stream, [batch, n_ctx, d_model]."""
    pattern, v = attention_pattern(weights, shape, x)
    out = torch.einsum("bhse,hed->bsd", pattern @ v, weights["W_O"])
    return plus_bias(out, weights, "b_O", shape)


def attention_pattern(
    weights: Weights, shape: ModelShape, x: Float[Tensor, "batch n_ctx d_model"]
) -> tuple[Float[Tensor, "batch n_heads n_ctx n_ctx"], Float[Tensor, "batch n_heads n_ctx d_head"]]:
    """Attention of each position (third axis) to each (last), and the values that are attended to.

    With ``attention_rate`` r it is r · softmax + (1 - r) at every position that is attended to, so that a row
    adds up to more than 1.
    """
    q, k, v = (
        plus_bias(
            torch.einsum("bsd,hde->bshe", x, weights[f"W_{name}"]), weights, f"b_{name}", shape
        ).transpose(1, 2)
        for name in "QKV"
    )
    scores = q @ k.transpose(-1, -2) * shape.score_scale
    future = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
    if shape.attention_dir == BIDIRECTIONAL:
        future = torch.zeros_like(future)
    pattern = scores.masked_fill(future, float("-inf")).softmax(dim=-1)
    if shape.attention_rate != 1:
        mixed = shape.attention_rate * pattern + (1 - shape.attention_rate)
        pattern = mixed.masked_fill(future, 0.0)
    return pattern, v


def attention_of_last(
    weights: Weights, shape: ModelShape, tokens: Int64[Tensor, "batch n_tokens"]
) -> Float[Tensor, "batch n_layers n_heads n_ctx"]:
    """What the last position attends to in every layer."""
    x, patterns = embed(weights, shape, tokens) + weights["W_pos"], []
    for layer in range(shape.n_layers):
        own = of_layer(weights, layer)
        patterns.append(attention_pattern(own, shape, _before(x, own, "ln1", shape))[0][:, :, -1])
        x = run_layer(own, shape, x)[0]
    return torch.stack(patterns, dim=1)


def matrices(weights: Weights, shape: ModelShape) -> dict[str, Tensor]:
    """The matrices that measures read, as ``grokking.models.base.matrices_of`` names them."""
    n = shape.n_numbers
    tables = token_embeddings(weights, shape)[: n * (1 + shape.separate_vocabularies)].split(n)
    return {
        "embedding": torch.cat(tables, dim=1),
        "write": of_layer(weights, shape.n_layers - 1)["W_out"],
        "unembedding": unembedding(weights, shape),
    }


class Network(nn.Module):
    """Any model's ``logits`` with its weights held as named parameters.

    shape: of any model.  Calling it on int64 tokens [batch, n_ctx] gives logits [batch, n_classes].
    Raises ValueError for weights of other shapes than ``shape`` says.
    """

    def __init__(self, shape: Any, weights: Weights) -> None:
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
        """Logits [batch, n_classes] of the answer."""
        return MODELS.get(self.shape.model).logits(self.weights, self.shape, tokens)


class OneLayerTransformer(Network):
    """The plain one-layer transformer with its weights held as named parameters.

    Calling it on int64 tokens [batch, n_ctx] gives logits [batch, n_classes] at the last position.
    """

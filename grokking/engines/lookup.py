"""Attention of the one-layer transformer by look-up, in plain torch, differentiable, with a replica axis.

Every tensor of the weights has a leading axis of R replicas (R = 1 for a single run). Layer norm,
GELU, temperature and any bias are allowed, and any number of operands; only the last position goes
through the MLP.
"""

from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from grokking.errors import UserError
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights, activate, token_embeddings

CHUNK = 4096
"""Rows at a time in ``outputs``: bounds its memory to some tens of MiB."""


def serves(shape: Any) -> TypeGuard[ModelShape]:
    """Whether a model is the plain one-layer transformer, which is all that this module knows."""
    return isinstance(shape, ModelShape) and shape.is_plain


def require(shape: Any, reader: str = "this") -> None:
    """Raises UserError, saying what the run has instead, for a model that this module does not know.

    reader: what asks for it, in words.
    """
    if serves(shape):
        return
    build = shape.build if isinstance(shape, ModelShape) else f"the model {shape.model}"
    raise UserError(
        f"{reader} reads a plain transformer of one layer on [a, b, operation]; this run has {build}"
    )


def stack(weights: Weights) -> dict[str, Tensor]:
    """The weights of one run as those of a single replica."""
    return {name: tensor[None] for name, tensor in weights.items()}


def last_position(weights: Weights, shape: ModelShape, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Neurons [R, N, d_mlp] and logits [R, N, n_classes] for tokens int64 [R, N, n_ctx]."""
    require(shape)
    mid = residual_after_attention(weights, shape, tokens)
    pre = torch.baddbmm(weights["b_in"][:, None], _norm(mid, weights, "ln2", shape), weights["W_in"])
    neurons = activate(pre, shape)
    return neurons, _logits(weights, shape, mid, neurons)


def last_readout(weights: Weights, shape: ModelShape, tokens: Tensor, neurons: Tensor) -> Tensor:
    """Logits [R, N, n_classes] if the neurons were these, [R, N, d_mlp], whatever they are."""
    require(shape)
    return _logits(weights, shape, residual_after_attention(weights, shape, tokens), neurons)


def _logits(weights: Weights, shape: ModelShape, mid: Tensor, neurons: Tensor) -> Tensor:
    out = mid + torch.baddbmm(weights["b_out"][:, None], neurons, weights["W_out"])
    logits = _norm(out, weights, "ln_final", shape) @ weights["W_U"]
    return logits + weights["b_U"][:, None] if "b_U" in shape.biases else logits


def outputs(weights: Weights, shape: ModelShape, tokens: np.ndarray) -> tuple[Tensor, Tensor]:
    """Neurons [N, d_mlp] and logits [N, n_classes] of one run, for tokens int64 [N, n_ctx]; no gradient."""
    stacked, found = stack(weights), []
    with torch.no_grad():
        for at in range(0, len(tokens), CHUNK):
            chunk = torch.as_tensor(tokens[at : at + CHUNK], device=weights["W_E"].device)[None]
            found.append(last_position(stacked, shape, chunk))
    neurons, logits = zip(*found, strict=True)
    return torch.cat(neurons, dim=1)[0], torch.cat(logits, dim=1)[0]


def residual_after_attention(weights: Weights, shape: ModelShape, tokens: Tensor) -> Tensor:
    """The last position's residual stream before the MLP, [R, N, d_model]."""
    mixed, op_token_rows = _mixed_values(weights, shape, tokens)
    operation = tokens[..., -1] - shape.n_numbers
    heads = mixed.flatten(2) @ weights["W_O"].flatten(1, 2)
    if "b_O" in shape.biases:
        heads = heads + weights["b_O"][:, None]
    return _take(op_token_rows, operation) + heads


def head_outputs(weights: Weights, shape: ModelShape, tokens: Tensor) -> Tensor:
    """What each head adds to the last position's residual stream, [R, N, n_heads, d_model].

    The bias b_O belongs to no head and is left out.
    """
    require(shape)
    mixed, _ = _mixed_values(weights, shape, tokens)
    return torch.einsum("rnhe,rhed->rnhd", mixed, weights["W_O"])


def _mixed_values(weights: Weights, shape: ModelShape, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Values averaged by the pattern, [R, N, H, e], and the operations' embeddings [R, O, D]."""
    pattern, values, op_token_rows = _attention_tables(weights, shape, tokens)
    rows = _rows(shape, tokens)
    mixed = pattern[..., 0, None] * _take(values, rows[..., 0])
    for j in range(1, rows.shape[-1]):
        mixed = mixed + pattern[..., j, None] * _take(values, rows[..., j])
    return mixed, op_token_rows


def attention_pattern(weights: Weights, shape: ModelShape, tokens: Tensor) -> Tensor:
    """Attention of the last position to all, [R, N, n_heads, n_ctx]."""
    require(shape)
    return _attention_tables(weights, shape, tokens)[0]


def _attention_tables(weights: Weights, shape: ModelShape, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pattern [R, N, H, n_ctx], values [R, rows, H, e] and the operations' embeddings [R, O, D]."""
    p, n_operands = shape.n_numbers, shape.n_ctx - 1
    embed, position = token_embeddings(weights, shape), weights["W_pos"][:, :, None]
    op_token_rows = embed[:, p:] + position[:, n_operands]
    x = torch.cat([*(embed[:, :p] + position[:, i] for i in range(n_operands)), op_token_rows], dim=1)
    normed = _norm(x, weights, "ln1", shape)
    values = torch.einsum("rxd,rhde->rxhe", normed, weights["W_V"])
    queries = torch.einsum("rod,rhde->rohe", normed[:, n_operands * p :], weights["W_Q"])
    # b_K has no part in this: it adds the same to all scores of a query, which softmax does not see.
    if "b_V" in shape.biases:
        values = values + weights["b_V"][:, None]
    if "b_Q" in shape.biases:
        queries = queries + weights["b_Q"][:, None]
    keys = torch.einsum("rohe,rhde->rohd", queries * shape.score_scale, weights["W_K"])
    scores = torch.einsum("rxd,rohd->roxh", normed, keys).flatten(1, 2)
    rows = _rows(shape, tokens)
    operation = tokens[..., -1:] - p
    per_pair = _take(scores, (operation * x.shape[1] + rows).flatten(1)).unflatten(1, rows.shape[1:])
    return per_pair.softmax(dim=2).transpose(2, 3), values, op_token_rows


def _rows(shape: ModelShape, tokens: Tensor) -> Tensor:
    """Table rows of the tokens: those of each operand's p, then the operations."""
    last = shape.n_ctx - 2
    starts = [shape.n_numbers * min(i, last) for i in range(shape.n_ctx)]
    return tokens + torch.tensor(starts, device=tokens.device)


def _take(table: Tensor, index: Tensor) -> Tensor:
    """table [R, X, …], index int64 [R, N] to [R, N, …]."""
    replica = torch.arange(table.shape[0], device=table.device)[:, None]
    return (
        table.flatten(0, 1)
        .index_select(0, (index + replica * table.shape[1]).flatten())
        .unflatten(0, index.shape)
    )


def _norm(x: Tensor, weights: Weights, name: str, shape: ModelShape) -> Tensor:
    if not shape.layer_norm:
        return x
    normed = F.layer_norm(x, x.shape[-1:], eps=shape.layer_norm_eps)
    return normed * weights[f"{name}_w"][:, None] + weights[f"{name}_b"][:, None]

"""The arrays of the compiled short cut: models they can compute, names, fresh memory for them.

Shapes: H heads, e = d_head, D = d_model, M = d_mlp, C = n_classes, O operations, R = 2p operand
rows, X = R + O rows in all. Table rows are W numbers long: M, then C, each followed by zeros up to a
whole number of cache lines, so that every row begins on one. All arrays are float32 and C-contiguous.
"""

from typing import Any, NamedTuple

import numpy as np
import torch

from grokking.engines import lookup
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import Weights
from grokking.tasks.base import N_CTX

LINE = 16
"""float32 numbers in a cache line."""
COMPILED_LOSSES = {"cross_entropy": 0, "stablemax": 1}
"""Codes of the losses of ``engines.numba.losses``, by what a loss names as its ``compiled_loss``."""


def fits_tables(shape: Any) -> bool:
    """Whether the tables compute this model: one layer, ReLU, two operands, nothing more."""
    if not lookup.serves(shape) or shape.layer_norm or shape.biases:
        return False
    return shape.activation == "relu" and shape.n_ctx == N_CTX and not shape.scalars


def padded(n: int) -> int:
    """``n`` rounded up to whole cache lines."""
    return -(-n // LINE) * LINE


def row_width(shape: ModelShape) -> int:
    """Numbers in a row of the tables: neurons, then classes, each padded."""
    return padded(shape.d_mlp) + padded(shape.n_classes)


class Matrices(NamedTuple):
    """The weights, or the gradient of each, by the names and shapes of ``grokking.models.transformer``."""

    W_E: np.ndarray
    W_pos: np.ndarray
    W_Q: np.ndarray
    W_K: np.ndarray
    W_V: np.ndarray
    W_O: np.ndarray
    W_in: np.ndarray
    b_in: np.ndarray
    W_out: np.ndarray
    b_out: np.ndarray
    W_U: np.ndarray


class Tables(NamedTuple):
    """The look-up tables for a pair.

    mix: [O, H, R, W], already less the operation token's row.  score: [O, R, H].
    op_token_score: [O, H], of the operation's row.  base: [O, W], with the operation token's row summed
    over heads.  neuron_logit: [M, C] and logit_neuron: [C, M], the same numbers, each for the
    product that reads it fastest.
    """

    mix: np.ndarray
    score: np.ndarray
    op_token_score: np.ndarray
    base: np.ndarray
    neuron_logit: np.ndarray
    logit_neuron: np.ndarray


class TableGradient(NamedTuple):
    """Gradients of the tables, in their shapes, or with an axis before them: one for each thread.

    That of ``op_token_score`` is left out: shifting all scores of a pair changes nothing, so its entries
    are minus the sums over rows of those of ``score``.
    """

    mix: np.ndarray
    score: np.ndarray
    base: np.ndarray
    logit_neuron: np.ndarray


class Workspace(NamedTuple):
    """What the way there leaves for the way back, and memory for the latter.

    x: [X, D], embeddings plus positions.  W_in_U: [D, W] = [W_in | W_U].  op_token_row: [O, D],
    what the operation token alone would bring to the MLP.  Of every head: values [H, X, e]; relative
    [O, H, R, e], values less the operation token's; head_W_in_U [H, e, W] = W_O · W_in_U;
    queries [H, O, e], scaled; query_directions [H, O, D]; scores [H, O, X].  d_…: gradients; d_x has a
    slice for each head.
    """

    x: np.ndarray
    W_in_U: np.ndarray
    op_token_row: np.ndarray
    values: np.ndarray
    relative: np.ndarray
    head_W_in_U: np.ndarray
    queries: np.ndarray
    query_directions: np.ndarray
    scores: np.ndarray
    d_x: np.ndarray
    d_values: np.ndarray
    d_relative: np.ndarray
    d_head_W_in_U: np.ndarray
    d_queries: np.ndarray
    d_query_directions: np.ndarray


def new(*shape: int) -> np.ndarray:
    """Zeros, float32, beginning on a cache line as torch's memory does and numpy's may not."""
    return torch.zeros(*shape).numpy()


def matrices(weights: Weights) -> Matrices:
    """The tensors as numpy arrays over the same memory (copies of those that are not contiguous)."""
    return Matrices(*(np.ascontiguousarray(weights[name].detach().numpy()) for name in Matrices._fields))


def new_tables(shape: ModelShape) -> Tables:
    """Tables that hold nothing yet.

    Raises ValueError for a model that the tables cannot compute.
    """
    if not fits_tables(shape):
        raise ValueError("layer norm, GELU and extra biases cannot be computed by tables")
    o, h, m, c = shape.n_ops, shape.n_heads, shape.d_mlp, shape.n_classes
    rows, width = 2 * shape.n_numbers, row_width(shape)
    return Tables(
        new(o, h, rows, width), new(o, rows, h), new(o, h), new(o, width), new(m, padded(c))[:, :c], new(c, m)
    )


def new_gradient(tables: Tables, n: int) -> TableGradient:
    """Gradients of such tables for each of ``n`` threads."""
    return TableGradient(
        *(new(n, *a.shape) for a in (tables.mix, tables.score, tables.base, tables.logit_neuron))
    )


def new_workspace(shape: ModelShape) -> Workspace:
    """Memory for a model of this shape."""
    o, h, e, d = shape.n_ops, shape.n_heads, shape.d_head, shape.d_model
    rows, width = 2 * shape.n_numbers, row_width(shape)
    x = rows + o
    return Workspace(
        x=new(x, d),
        W_in_U=new(d, width),
        op_token_row=new(o, d),
        values=new(h, x, e),
        relative=new(o, h, rows, e),
        head_W_in_U=new(h, e, width),
        queries=new(h, o, e),
        query_directions=new(h, o, d),
        scores=new(h, o, x),
        d_x=new(h, x, d),
        d_values=new(h, x, e),
        d_relative=new(h, rows, e),
        d_head_W_in_U=new(h, e, width),
        d_queries=new(h, o, e),
        d_query_directions=new(h, o, d),
    )

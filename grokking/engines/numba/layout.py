"""Which models the tables can compute, and how rows lie in memory: on whole cache lines."""

from typing import Any

from grokking.engines import lookup
from grokking.models.transformer import ModelShape
from grokking.tasks.base import N_CTX

LINE = 16
"""float32 numbers in a cache line."""


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

"""Which models fold into tables, and how rows lie in memory: on whole cache lines."""

from grokking.models.transformer import ModelShape
from grokking.tasks.base import N_CTX

LINE = 16
"""float32 numbers in a cache line."""


def foldable(shape: ModelShape) -> bool:
    """Whether a model's layer after attention can be folded into tables: those know two operands."""
    plain = not shape.layer_norm and not shape.biases
    return plain and shape.activation == "relu" and shape.n_ctx == N_CTX


def padded(n: int) -> int:
    """``n`` rounded up to whole cache lines."""
    return -(-n // LINE) * LINE


def row_width(shape: ModelShape) -> int:
    """Numbers in a row of the tables: neurons, then classes, each padded."""
    return padded(shape.d_mlp) + padded(shape.n_classes)

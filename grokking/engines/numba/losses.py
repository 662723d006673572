"""The compiled losses: value and gradient of a tile of pairs."""

import numpy as np

from grokking.engines.numba.compiling import inner
from grokking.engines.numba.kernels import cross_entropy
from grokking.engines.numba.tables import COMPILED_LOSSES

STABLEMAX = COMPILED_LOSSES["stablemax"]


@inner()
def loss_of_tile(loss, logits, columns, answers, weight, d_logits):  # type: ignore[no-untyped-def]
    """As ``kernels.cross_entropy``, of the loss that has this code."""
    if loss == STABLEMAX:
        return stablemax(logits, columns, answers, weight, d_logits)
    return cross_entropy(logits, columns, answers, weight, d_logits)


@inner()
def stablemax(logits, columns, answers, weight, d_logits):  # type: ignore[no-untyped-def]
    """Σ weight · -log(s(answer's logit) / Σ s) over a tile, in float64, and its gradient.

    s and its derivative as in ``grokking.losses.stablemax``; arguments as those of ``kernels.cross_entropy``.
    """
    s = np.empty(columns.stop - columns.start)
    loss = 0.0
    for i in range(logits.shape[0]):
        row, d_row, y = logits[i, columns], d_logits[i, columns], answers[i]
        total = 0.0
        for c in range(row.shape[0]):
            x = np.float64(row[c])
            s[c] = 1.0 / (1.0 - x) if x < 0.0 else x + 1.0  # a NaN stays one
            total += s[c]
        loss += weight * (np.log(total) - np.log(s[y]))
        for c in range(row.shape[0]):
            slope = s[c] * s[c] if row[c] < 0 else 1.0
            d_row[c] = np.float32(weight * slope / total)
        slope = s[y] * s[y] if row[y] < 0 else 1.0
        d_row[y] = np.float32(weight * slope * (1.0 / total - 1.0 / s[y]))
    return loss

"""The circuit under the curve: what the final key frequencies alone answer, and what is left without them.

At every step of the page, whatever the network itself answers by then. The frequencies are those of the final
model, so this is hindsight, and the page says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokking.groups.basis import fourier_basis
from grokking.metrics.logits import GroupLogits
from grokking.metrics.mean_ablation import (
    Scores,
    excluded_scores,
    heldout_scores,
    other_frequencies,
)

N_OTHERS = 5
"""Draws of as many other frequencies; the page quotes their median."""


@dataclass(frozen=True)
class WavesOnly:
    """Accuracies of one checkpoint; None without key frequencies or where nothing can be averaged.

    alone: of the key frequencies alone, on held-out pairs (averages over held-out pairs; of all pairs where
    the split is unknown).  without: of the network without them, on train pairs.  alone_others,
    without_others: the same for as many other frequencies, the median of ``N_OTHERS`` seeded draws.
    """

    alone: float | None = None
    without: float | None = None
    alone_others: float | None = None
    without_others: float | None = None


def waves_only(logits: GroupLogits, keys: Sequence[int]) -> WavesOnly:
    """Measure one checkpoint."""
    if not keys:
        return WavesOnly()
    part = "_train" if "_train" in logits.parts else ""
    others = list(other_frequencies(len(logits.table), keys, N_OTHERS))
    return WavesOnly(
        _accuracy(heldout_scores(logits, keys)),
        _accuracy(excluded_scores(logits, keys, part)),
        _median([heldout_scores(logits, other) for other in others]),
        _median([excluded_scores(logits, other, part) for other in others]),
    )


def votes(table: np.ndarray, keys: Sequence[int]) -> np.ndarray:
    """What each key frequency says for every answer: the coefficients of its cosine and its sine.

    float64 [number of keys, 2, n]. table: float64 [n, n], logits averaged over the pairs of equal s. The vote
    of frequency k for class c where the answer is s is row_k[s] · votes[k, :, c], summed over the two unit
    rows; k = n/2 has no sine.
    """
    basis, found = fourier_basis(len(table)), np.zeros((len(keys), 2, len(table)))
    for i, k in enumerate(keys):
        coefficients = basis.rows[basis.rows_of(k)] @ table
        found[i, : len(coefficients)] = coefficients
    return found


def most_hidden(
    epochs: Sequence[int], alone: Sequence[float | None], network: Sequence[float | None]
) -> int | None:
    """The epoch at which the waves alone are furthest ahead of the network's own test accuracy.

    None where they never are ahead, or where either is not known. Of equal leads the latest counts.
    """
    lead = [
        (a - n, epoch)
        for epoch, a, n in zip(epochs, alone, network, strict=True)
        if a is not None and n is not None
    ]
    best = max(lead, default=(0.0, 0))
    return best[1] if best[0] > 0 else None


def _accuracy(scores: Scores | None) -> float | None:
    return None if scores is None else scores[1]


def _median(scores: Sequence[Scores | None]) -> float | None:
    found = [s[1] for s in scores if s is not None]
    return float(np.median(found)) if found else None

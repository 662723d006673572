"""The fraction of pairs below which a network that has grokked forgets again (definitions, "Ungrokking").

Varma et al. 2023 (arXiv 2309.02390, section 4): continued on fewer pairs, a grokked network keeps its
circuit above a critical data set size and returns to memory below it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

HALF = 0.5
"""Of test accuracy: what counts as forgotten."""


@dataclass(frozen=True)
class CriticalFraction:
    """value: where test accuracy crosses one half.  low, high: the tried fractions on both sides of it."""

    value: float
    low: float
    high: float


def critical_fraction(accuracy: Mapping[float, float]) -> CriticalFraction | None:
    """Where test accuracy at the end crosses one half, in a straight line between the tried fractions.

    accuracy: by train fraction. The highest crossing counts; None if accuracy is on one side of it
    everywhere.

    >>> critical_fraction({0.1: 0.0, 0.2: 1.0})
    CriticalFraction(value=0.15, low=0.1, high=0.2)
    """
    found = None
    for (low, below), (high, above) in pairwise(sorted(accuracy.items())):
        if below < HALF <= above:
            share = (HALF - below) / (above - below)
            found = CriticalFraction(round(low + share * (high - low), 12), low, high)
    return found

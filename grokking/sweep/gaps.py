"""The time between two grokking epochs, where either may be censored.

Also the *fold*, the ratio of the later epoch to the earlier one, which does not depend on the pace of
training.

Censoring: if an operation had not grokked by its run's last epoch, the gap is at least as long as
the time since the other grokked; if neither had, nothing is known. Medians are Kaplan–Meier's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokking.sweep.statistics import CONFIDENCE, Median, quick_median

N_DRAWS = 2000
SEED = 0
Observation = tuple[int | None, int]
"""A grokking epoch, None if the run did not grok, and the number of epochs it was trained for."""


@dataclass(frozen=True)
class Gap:
    """Between two grokking epochs. epochs, fold: lower bounds where not ``observed``."""

    epochs: float
    fold: float
    observed: bool


def gap(first: Observation, second: Observation) -> Gap:
    """Between two operations, of one run or of two; epoch 0 counts as 1 in the fold."""
    known = [max(epoch, 1) for epoch, _ in (first, second) if epoch is not None]
    if not known:
        return Gap(0, 1, False)
    if len(known) == 2:
        return Gap(max(known) - min(known), max(known) / min(known), True)
    watched = max(second[1] if second[0] is None else first[1], known[0])
    return Gap(watched - known[0], watched / known[0], False)


def all_gaps(first: Sequence[Observation], second: Sequence[Observation]) -> np.ndarray:
    """Of every one with every other: object [n first, n second] of ``Gap``."""
    found = np.empty((len(first), len(second)), dtype=object)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            found[i, j] = gap(a, b)
    return found


def median_gap(gaps: np.ndarray, name: str) -> Median:
    """Kaplan–Meier median of gaps [n, m], whose rows and columns the bootstrap draws.

    Percentile interval; an end that is not reached is None.
    """
    values = np.array([getattr(g, name) for g in gaps.flat], dtype=float).reshape(gaps.shape)
    observed = np.array([g.observed for g in gaps.flat], dtype=bool).reshape(gaps.shape)
    rng, drawn = np.random.default_rng(SEED), np.empty(N_DRAWS)
    for i in range(N_DRAWS):
        at = np.ix_(*(rng.integers(n, size=n) for n in gaps.shape))
        median = quick_median(values[at].ravel(), observed[at].ravel())
        drawn[i] = np.inf if median is None else median
    tail = (1 - CONFIDENCE) / 2
    # Without interpolation, since between a number and infinity there is none.
    ends = (float(np.quantile(drawn, q, method="nearest")) for q in (tail, 1 - tail))
    low, high = (end if np.isfinite(end) else None for end in ends)
    return Median(gaps.size, int(observed.sum()), quick_median(values.ravel(), observed.ravel()), low, high)

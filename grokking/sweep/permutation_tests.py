"""Are two operations of one network closer in time than chance would have them?

Two tests, of two different references (``grokking.sweep.cogrokking``). Both count runs that never grokked:
to leave them out would be to judge by the runs that went well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from grokking.sweep.cogrokking import Comparison
from grokking.sweep.statistics import N_DRAWS, SEED, Median, Observation, median_gap

MOST_PERMUTATIONS = 5040
FEWEST_RUNS = 3
"""Runs of each kind below which gaps are reported without a test."""


@dataclass(frozen=True)
class RunResult:
    """Statistic of a test, and how often chance alone gives gaps as small."""

    value: float
    chance: float


def enough(c: Comparison) -> bool:
    """Whether there are runs enough for intervals and chances."""
    return min(len(c.joint), *map(len, c.alone)) >= FEWEST_RUNS


def joint_median(c: Comparison, name: str) -> Median:
    """Median gap of the joint runs, with a bootstrap interval over runs. name: epochs or fold."""
    return median_gap(np.array(c.gaps, dtype=object)[:, None], name)


def independent_median(c: Comparison, name: str) -> Median:
    """Median gap of all pairs of single runs; the bootstrap draws runs of either operation anew."""
    return median_gap(c.independent, name)


def against_independent(c: Comparison, name: str) -> RunResult | None:
    """The median gap of the joint runs, and how often as many independent gaps have one as small.

    Where times are censored the doubt is against togetherness: a joint gap that is not observed counts
    as endless, an independent one as its lower bound. So the median here may lie above Kaplan–Meier's.
    Every draw takes the single runs themselves anew first, as the bootstrap does, since they are few too.
    None if fewer than half of the joint gaps are observed, or for fewer than three runs of a kind.
    """
    if not enough(c):
        return None
    joint = float(np.median([getattr(g, name) if g.observed else np.inf for g in c.gaps]))
    if not np.isfinite(joint):
        return None
    found = c.independent
    values = np.array([getattr(g, name) for g in found.flat], dtype=float).reshape(found.shape)
    rng, n, sizes = np.random.default_rng(SEED), len(c.joint), found.shape
    medians = np.empty(N_DRAWS)
    for i in range(N_DRAWS):
        of_first, of_second = (rng.choice(rng.integers(m, size=m), size=n) for m in (sizes[0], sizes[1]))
        medians[i] = np.median(values[of_first, of_second])
    return RunResult(joint, float((1 + (medians <= joint).sum()) / (1 + N_DRAWS)))


def against_other_runs(c: Comparison) -> RunResult | None:
    """Concordance of the two operations over joint runs, and the share of pairings across runs with as much.

    Kendall's: over all pairs of runs, the share in which the run that is later in the one operation is
    later in the other too, less the share in which it is earlier. A pair whose order censoring hides
    counts as neither (Gehan 1965). An exact permutation test where there are few runs. None for
    fewer than two runs, or if no two runs can be put in order in one of the operations.
    """
    first, second = (orders([(t.epochs[name], t.trained) for t in c.joint]) for name in c.pair)
    n = len(c.joint)
    if n < 2 or not first.any() or not second.any():
        return None
    pairings = np.array(list(_pairings(n)))
    agreed = np.array([(first * second[np.ix_(order, order)]).sum() for order in pairings])
    return RunResult(float(agreed[0]) / (n * (n - 1)), float((agreed >= agreed[0]).mean()))


def orders(observations: Sequence[Observation]) -> np.ndarray:
    """Which of two runs was later, int64 [n, n]: 1 the first, -1 the second, 0 equal or not known."""
    n = len(observations)
    later = np.zeros((n, n), dtype=np.int64)
    for i, (epoch, _) in enumerate(observations):
        for j, (other, watched) in enumerate(observations):
            if epoch is not None and (epoch < other if other is not None else epoch <= watched):
                later[i, j], later[j, i] = -1, 1
    return later


def _pairings(n: int) -> Iterator[Sequence[int]]:
    """All orders of n runs, or many seeded ones; the own pairing is the first."""
    if np.prod(np.arange(1.0, n + 1)) <= MOST_PERMUTATIONS:
        yield from permutations(range(n))
        return
    rng = np.random.default_rng(SEED)
    yield list(range(n))
    for _ in range(MOST_PERMUTATIONS - 1):
        yield rng.permutation(n).tolist()

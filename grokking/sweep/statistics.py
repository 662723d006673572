"""Grokking times are censored data: a run that has not grokked shows only that it takes longer.

So medians are those of the Kaplan–Meier estimate (1958), with the band of Brookmeyer and Crowley (1982)
from the log-log interval of the survival function; shares have the exact interval of Clopper and Pearson
(1934). No run is left out because it did not grok.

Also the *fold*, the ratio of the later epoch to the earlier one, which does not depend on the pace of
training.

Censoring: if an operation had not grokked by its run's last epoch, the gap is at least as long as
the time since the other grokked; if neither had, nothing is known. Medians are Kaplan–Meier's.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import CensoredData, binomtest, ecdf

from grokking.sweep.collect_results import Cell, Result

CONFIDENCE = 0.95
FEW_RUNS = """\
The bands are too narrow for few runs: a band from the smallest of n times upwards contains the median with
probability 1 - 2^-n (0.88 for three runs, 0.97 for five)."""
"""What a caption must say of the bands below: they are asymptotic, and cells have three to six runs."""
HALF = 0.5
ROUNDING = 1e-9


@dataclass(frozen=True)
class Median:
    """A Kaplan–Meier median in epochs with its band; None where the curve never gets so low.

    n: all times.  n_observed: those that were not censored.
    """

    n: int
    n_observed: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Share:
    """``hits`` of ``n`` with an interval; None for the interval while runs are not over.

    Runs that grok are over first: a share among the runs that are over would flatter.
    """

    hits: int
    n: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class CellStatistics:
    """What a table says of one cell.

    grokking, memorisation: epochs.  delay: epochs between them, over the runs that memorised.
    """

    cell: Cell
    share: Share
    grokking: Median
    memorisation: Median
    delay: Median


def cell_statistics(cell: Cell) -> CellStatistics:
    """All statistics of a cell."""
    results = cell.results
    memorised = [r for r in results if r.memorisation_epoch is not None]
    return CellStatistics(
        cell,
        share_grokked(results),
        survival_median(*_times([r.grokking_epoch for r in results], [r.trained for r in results])),
        survival_median(*_times([r.memorisation_epoch for r in results], [r.trained for r in results])),
        survival_median(
            *_times(
                [r.delay for r in memorised], [r.trained - (r.memorisation_epoch or 0) for r in memorised]
            )
        ),
    )


def _times(found: Sequence[int | None], censored: Sequence[int]) -> tuple[list[int], list[bool]]:
    """Times, and which of them were observed; the others are the times at which observation ended."""
    times = [end if time is None else time for time, end in zip(found, censored, strict=True)]
    return times, [time is not None for time in found]


def share_grokked(results: Sequence[Result]) -> Share:
    """How many runs grokked within their budget."""
    hits, n = sum(r.grokking_epoch is not None for r in results), len(results)
    if not n or not all(r.over for r in results):
        return Share(hits, n)
    interval = binomtest(hits, n).proportion_ci(CONFIDENCE, method="exact")
    return Share(hits, n, float(interval.low), float(interval.high))


def survival_median(times: Sequence[float], observed: Sequence[bool]) -> Median:
    """Kaplan–Meier median of times of which those not ``observed`` are right-censored.

    Where the curve lies at one half exactly, the middle of that stretch counts, as for the median of
    an even number of values.
    """
    uncensored = [t for t, o in zip(times, observed, strict=True) if o]
    if not uncensored:
        return Median(len(times), 0)
    censored = [t for t, o in zip(times, observed, strict=True) if not o]
    curve = ecdf(CensoredData(uncensored=uncensored, right=censored)).sf
    with warnings.catch_warnings():
        # Where all or none are left the interval is not defined; ``_low`` and ``_high`` say how it counts.
        warnings.simplefilter("ignore", RuntimeWarning)
        band = curve.confidence_interval(CONFIDENCE, method="log-log")
    left = np.asarray(curve.probabilities)
    low = np.where(np.isnan(band.low.probabilities), left, band.low.probabilities)
    high = np.where(np.isnan(band.high.probabilities), 1.0, band.high.probabilities)
    when = np.asarray(curve.quantiles, dtype=float)
    return Median(
        len(times), len(uncensored), _crossing(when, left), _crossing(when, low), _crossing(when, high)
    )


def quick_median(times: np.ndarray, observed: np.ndarray) -> float | None:
    """The value of ``survival_median`` alone, fast enough for thousands of resamples.

    times: float64 [m].  observed: bool [m].
    """
    order = np.lexsort((~observed, times))  # at equal times what is observed comes first
    times, observed = times[order], observed[order]
    at_risk = np.arange(len(times), 0, -1)
    curve = np.cumprod(np.where(observed, 1 - 1 / at_risk, 1.0))
    return _crossing(times[observed], curve[observed]) if observed.any() else None


def _crossing(when: np.ndarray, curve: np.ndarray) -> float | None:
    """Where a falling step function comes to one half; None if it does not."""
    reached = np.flatnonzero(curve <= HALF + ROUNDING)
    if not len(reached):
        return None
    below = np.flatnonzero(curve < HALF - ROUNDING)
    first = when[reached[0]]
    if len(below) and below[0] > reached[0]:
        return float((first + when[below[0]]) / 2)
    return float(first)


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

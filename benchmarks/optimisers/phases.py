"""Four phases of a run over fraction and decay, and the decay from which networks generalise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.optimisers.outcomes import GROKKED
from benchmarks.optimisers.statistics import LEVEL, Row

PHASES = COMPREHENSION, GROKKING, MEMORISATION, CONFUSION = (
    "comprehension",
    "grokking",
    "memorisation",
    "confusion",
)
DELAY = 500
"""Epochs between train and test accuracy that make the difference between comprehension and grokking."""
PUBLISHED = (0.0158, 0.0109, 0.0200)
"""Critical decay with its interval, arXiv 2605.20441."""
RESAMPLES = 500
SLOPES = np.geomspace(0.3, 30, 16)
"""Per unit of the logarithm of the decay; bounded, as no decay may have runs of both kinds."""
N_CENTRES = 241


@dataclass(frozen=True)
class CriticalDecay:
    """Where half of the runs generalise. n: runs with a positive decay."""

    fraction: float
    n: int
    value: float
    low: float
    high: float


def phase_of(row: Row) -> str:
    """As Liu et al. 2022 (arXiv 2205.10343, table 1) name them, from what a row of the table says."""
    if row["state"] == GROKKED:
        delay = row["grokking_epoch"] - (row["memorisation_epoch"] or 0)
        return GROKKING if delay > DELAY else COMPREHENSION
    return CONFUSION if row["memorisation_epoch"] is None else MEMORISATION


def critical_decays(rows: Sequence[Row]) -> list[CriticalDecay]:
    """Of every fraction that has runs that generalise and runs that do not, both with some decay."""
    found = []
    for fraction in sorted({row["train_frac"] for row in rows}):
        some = [row for row in rows if row["train_frac"] == fraction and row["weight_decay"] > 0]
        x = np.log([row["weight_decay"] for row in some])
        y = np.array([row["state"] == GROKKED for row in some], dtype=float)
        if some and 0 < y.mean() < 1:
            found.append(CriticalDecay(fraction, len(some), *_with_interval(x, y)))
    return found


def _with_interval(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    rng, values = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        at = rng.integers(len(x), size=len(x))
        if 0 < y[at].mean() < 1:
            values.append(midpoint(x[at], y[at]))
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(np.exp(midpoint(x, y))), float(np.exp(low)), float(np.exp(high))


def midpoint(x: np.ndarray, y: np.ndarray) -> float:
    """Where a logistic curve of the shares ``y`` (0 or 1, [n]) over ``x`` [n] passes one half, in its range.

    The most likely pair of a slope of ``SLOPES`` and one of ``N_CENTRES`` places. Slopes are positive: more
    decay is taken to help. Where too much of it hurts again, the caller must leave those decays out.
    """
    levels, where = np.unique(x, return_inverse=True)
    hits, n = np.bincount(where, y), np.bincount(where)
    centres = np.linspace(x.min(), x.max(), N_CENTRES)
    z = SLOPES[:, None, None] * (levels - centres[:, None])
    loss = (np.logaddexp(0, -z) * hits + np.logaddexp(0, z) * (n - hits)).sum(-1)
    # The middle of all centres that are as likely: between two levels that are all alike, any would do.
    best = np.flatnonzero(loss.min(0) <= loss.min() + 1e-9)
    return float(centres[best].mean())

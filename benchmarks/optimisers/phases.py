"""Four phases of a run over fraction and decay, and the decay from which networks generalise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

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
RIDGE = 1e-3
"""Keeps the slope finite where no decay has runs of both kinds."""


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

    The slope is held above zero: more decay is taken to help. Where too much of it hurts again, the caller
    must leave those decays out.
    """

    def loss(parameters: np.ndarray) -> float:
        centre, log_slope = parameters
        z = np.exp(log_slope) * (x - centre)
        fit = np.logaddexp(0, -z) * y + np.logaddexp(0, z) * (1 - y)
        return float(fit.mean() + RIDGE * log_slope**2)

    starts = [np.array([centre, 0.0]) for centre in np.quantile(x, [0.1, 0.5, 0.9])]
    best = min((minimize(loss, start, method="Nelder-Mead") for start in starts), key=lambda r: r.fun)
    return float(np.clip(best.x[0], x.min(), x.max()))

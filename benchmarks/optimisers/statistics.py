"""Times to grokking, censored ones among them: medians, restricted means, intervals, corrected P values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.optimisers.methods import REFERENCE
from benchmarks.optimisers.outcomes import COLLAPSED_BELOW, DIVERGED, GROKKED
from grokking.sweep.statistics import Median, survival_median

RESAMPLES = 10_000
LEVEL = 0.95
FEWEST = 5
"""Runs of each of two methods below which no ratio is given: a bootstrap over fewer says too little."""
Row = Mapping[str, Any]
"""A line of the table of runs."""


@dataclass(frozen=True)
class Compared:
    """One configuration of a method over its seeds.

    median: Kaplan–Meier, in epochs.  mean: of the times, the budget standing for runs that did not grok.
    ratio, low, high: of that mean to the reference's, with a bootstrap interval.  p: Holm-corrected.
    accuracy: median test accuracy at the end.  keys, norm: medians at the end of runs that grokked.
    collapsed: of the ``watched`` runs.
    """

    method: str
    n: int
    grokked: int
    diverged: int
    median: Median
    mean: float
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    accuracy: float | None = None
    keys: float | None = None
    norm: float | None = None
    collapsed: int = 0
    watched: int = 0


def of(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    """The rows with these values."""
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def times(rows: Sequence[Row]) -> np.ndarray:
    """Grokking epochs, or the budget: float64 [n]."""
    return np.array([row["time"] for row in rows], dtype=float)


def compare(by_method: Mapping[str, Sequence[Row]], reference: Sequence[Row]) -> list[Compared]:
    """Every method against the runs of the reference; P values corrected over the methods."""
    found = {name: _one(name, rows, reference) for name, rows in by_method.items() if rows}
    tested = {name: c.p for name, c in found.items() if c.p is not None}
    for name, p in holm(tested).items():
        found[name] = Compared(**(vars(found[name]) | {"p": p}))
    return list(found.values())


def _one(name: str, rows: Sequence[Row], reference: Sequence[Row]) -> Compared:
    grokked = [row for row in rows if row["state"] == GROKKED]
    # What is censored at its budget; a run that diverged never groks, so it is censored there, too.
    median = survival_median(list(times(rows)), [row["state"] == GROKKED for row in rows])
    watched = [
        row for row in grokked if row["lowest_after"] is not None and row["epochs"] > row["time"] + 500
    ]
    ratio: dict[str, Any] = {}
    if rows is not reference and min(len(rows), len(reference)) >= FEWEST:
        value, low, high, p = bootstrap(times(rows), times(reference))
        ratio = {"ratio": value, "low": low, "high": high, "p": p}
    return Compared(
        name,
        len(rows),
        len(grokked),
        sum(row["state"] == DIVERGED for row in rows),
        median,
        float(times(rows).mean()),
        accuracy=_median([row["test_acc"] for row in rows if row["test_acc"] is not None]),
        keys=_median([len(str(row["key_frequencies"]).split()) for row in grokked]),
        norm=_median([row["weight_norm"] for row in grokked]),
        collapsed=sum(row["lowest_after"] < COLLAPSED_BELOW for row in watched),
        watched=len(watched),
        **ratio,
    )


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def bootstrap(some: np.ndarray, others: np.ndarray, seed: int = 0) -> tuple[float, float, float, float]:
    """Ratio of means of times, its percentile interval, and a two-sided P of the ratio being 1."""
    rng = np.random.default_rng(seed)

    def means(values: np.ndarray) -> np.ndarray:
        return values[rng.integers(len(values), size=(RESAMPLES, len(values)))].mean(1)

    ratios = means(some) / means(others)
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    below, above = ((ratios <= 1).sum() + 1, (ratios >= 1).sum() + 1)
    p = min(1.0, 2 * min(below, above) / (RESAMPLES + 1))
    return float(some.mean() / others.mean()), float(low), float(high), float(p)


def holm(values: Mapping[str, float]) -> dict[str, float]:
    """P values after Holm's correction (1979): each times the number of those not smaller, made monotone."""
    order = sorted(values, key=lambda name: values[name])
    found, least = {}, 0.0
    for i, name in enumerate(order):
        least = max(least, min(1.0, values[name] * (len(order) - i)))
        found[name] = least
    return found


def survival(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """The share of runs that have not grokked by each time, as a step function from 1 (Kaplan–Meier).

    All are censored at the end of their budget, so that it is a plain share until there.
    """
    grokked = np.sort(times([row for row in rows if row["state"] == GROKKED]))
    left = 1 - np.arange(len(grokked) + 1) / max(1, len(rows))
    end = max([row["n_epochs"] for row in rows], default=0)
    return np.concatenate([[0], grokked, [end]]), np.concatenate([left, left[-1:]])


def default_against(rows: Sequence[Row], task: str, reference: str = REFERENCE) -> list[Row]:
    """The runs of a method's default."""
    return of(rows, stage="default", task=task, method=reference)

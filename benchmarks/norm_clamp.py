"""When networks grok that are held at one weight norm: does the delay grow as exp(α ρ)?

    grokking train --seeds 0:14 …                                             free runs
    grokking sweep --norm_clamp 20 22 24 26 28 30 32 --seed 0:5 …             the same, held
    python -m benchmarks.norm_clamp RUN_DIR …                                 both kinds together

The claim is that of Truong et al. 2026 (arXiv 2606.13753): W_c is the norm at which free runs grok, and a run
that is held at ρ W_c groks after T ∝ exp(α ρ) epochs. Runs that did not grok are censored at their last
epoch; those that never memorised are shown and not fitted.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr

from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.errors import UserError
from grokking.metrics.circuit_efficiency import logit_scale
from grokking.metrics.logits import GroupLogits
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.sweep.tables import markdown_table

RESAMPLES = 200
LEVEL = 0.95
LOG_ROOT_TAU = 0.5 * np.log(2 * np.pi)
FEWEST = 5
"""Runs that a line with a spread is fitted to."""
LEAST_SPREAD = 0.01
"""Of the residuals, in log epochs: grokking epochs are known to ten epochs of hundreds."""


@dataclass(frozen=True)
class Held:
    """A run that was held at one norm.

    time: its grokking epoch, or its last epoch where it did not ``grok``.  scale: median of ``logit_scale``
    over the checkpoints from memorisation to ``time``, in nats; None where it never memorised.
    """

    norm: float
    time: int
    grokked: bool
    memorised: int | None
    scale: float | None
    accuracy: float


@dataclass(frozen=True)
class CensoredLine:
    """log T = ``at_zero`` + ``slope`` · x, with normal residuals of standard deviation ``spread``."""

    at_zero: float
    slope: float
    spread: float
    log_likelihood: float


def critical_norm(runs: Sequence[Run]) -> tuple[float, list[float]]:
    """W_c: the median norm at which free runs grok, and that of each, between logged rows by a line.

    Raises UserError where none of them grokked.
    """
    found = [
        float(np.interp(run.history["grokking_epoch"], run.history["epochs"], run.history["weight_norm"]))
        for run in runs
        if run.history.get("grokking_epoch") is not None
    ]
    if not found:
        raise UserError("no run without --norm_clamp grokked, so the norm to compare with is unknown")
    return statistics.median(found), found


def held(run: Run) -> Held:
    """When a run grokked, and how large its logits were until then."""
    grokked, memorised = (run.history.get(f"{name}_epoch") for name in ("grokking", "memorisation"))
    time = run.history["epochs"][-1] if grokked is None else grokked
    scales = [] if memorised is None else [_scale(run, e) for e in run.epochs if memorised <= e <= time]
    return Held(
        run.config.norm_clamp,
        time,
        grokked is not None,
        memorised,
        statistics.median(scales) if scales else None,
        run.history["test_acc"][-1],
    )


def _scale(run: Run, epoch: int) -> float:
    """``logit_scale`` of a checkpoint on its train pairs."""
    view = RunView(run, epoch=epoch)
    logits = GroupLogits.of(view.acts, view.grid, run.known_split)
    chosen = np.flatnonzero(logits.parts["_train"])
    return logit_scale(logits.logits[chosen], logits.s[chosen])


def censored_line(x: np.ndarray, times: np.ndarray, seen: np.ndarray) -> CensoredLine:
    """The most likely line of log times on x; a time that was not ``seen`` is a lower bound (Tobit).

    x, times: float64 [n].  seen: bool [n].

    Raises UserError for fewer runs or grokked runs than a line needs.
    """
    y = np.log(times)
    if len(x) < FEWEST or seen.sum() < 3 or np.ptp(x) == 0:
        raise UserError(f"{seen.sum()} of {len(x)} runs grokked: too few for a line through their epochs")

    def cost(parameters: np.ndarray) -> float:
        spread = np.exp(parameters[2]) + LEAST_SPREAD
        z = (y - parameters[0] - parameters[1] * x) / spread
        known = -(z[seen] ** 2) / 2 - np.log(spread) - LOG_ROOT_TAU
        return -float(known.sum() + log_ndtr(-z[~seen]).sum())

    slope, at_zero = np.polyfit(x, y, 1)
    start = [at_zero, slope, np.log(np.std(y - at_zero - slope * x) + 0.1)]
    best = minimize(cost, start, method="BFGS")
    spread = float(np.exp(best.x[2])) + LEAST_SPREAD
    return CensoredLine(float(best.x[0]), float(best.x[1]), spread, -float(best.fun))


def interval(x: np.ndarray, times: np.ndarray, seen: np.ndarray) -> tuple[float, float]:
    """Percentile interval of the slope, over runs drawn with replacement."""
    rng, slopes = np.random.default_rng(0), []
    for _ in range(RESAMPLES):
        drawn = rng.integers(len(x), size=len(x))
        if seen[drawn].sum() >= 3 and np.ptp(x[drawn]) > 0:
            slopes.append(censored_line(x[drawn], times[drawn], seen[drawn]).slope)
    low, high = np.quantile(slopes, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def fits(runs: Sequence[Held], critical: float) -> str:
    """Markdown: the line in ρ and the line in the logit scale, for all runs and for those above W_c."""
    fitted = [run for run in runs if run.scale is not None]
    rows = []
    for which, some in (("all", fitted), ("ρ ≥ 1", [run for run in fitted if run.norm >= critical])):
        times = np.array([run.time for run in some], dtype=float)
        seen = np.array([run.grokked for run in some], dtype=bool)
        for name, x in (
            ("ρ", np.array([run.norm / critical for run in some])),
            ("logit scale, nats", np.array([run.scale for run in some], dtype=float)),
        ):
            line, (low, high) = censored_line(x, times, seen), interval(x, times, seen)
            slope = f"{line.slope:.3g} ({low:.3g} – {high:.3g})"
            grokked = f"{seen.sum()} of {len(seen)}"
            rows.append((which, name, grokked, slope, f"{line.spread:.2f}", f"{line.log_likelihood:.1f}"))
    return markdown_table(
        ("runs", "log T against", "grokked", "slope (95 %)", "spread of log T", "log-likelihood"), rows
    )


def table(runs: Sequence[Held], critical: float) -> str:
    """Markdown: a row for each norm."""
    by_norm = {at: [run for run in runs if run.norm == at] for at in sorted({run.norm for run in runs})}
    rows = []
    for at, some in by_norm.items():
        times = sorted(run.time for run in some if run.grokked)
        scales = sorted(run.scale for run in some if run.scale is not None)
        rows.append(
            (
                f"{at:g}",
                f"{at / critical:.2f}",
                f"{len(times)} of {len(some)}",
                ", ".join(f"{time:,}" for time in times) or "–",
                f"{sum(run.memorised is not None for run in some)} of {len(some)}",
                _spread([run.accuracy for run in some]),
                _spread(scales),
            )
        )
    header = (
        "norm",
        "ρ",
        "grokked",
        "at epochs",
        "memorised",
        "test accuracy at the end",
        "logit scale, nats",
    )
    return markdown_table(header, rows)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    return f"{statistics.median(values):.3g} ({min(values):.3g} – {max(values):.3g})"


def main() -> None:
    """Print W_c, the table and the fits."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    runs = [Run(path) for path in parser.read().runs]
    critical, each = critical_norm([run for run in runs if not run.config.norm_clamp])
    clamped = [held(run) for run in runs if run.config.norm_clamp]
    variation = statistics.stdev(each) / statistics.mean(each) if len(each) > 1 else 0.0
    print(f"W_c: {_spread(each)}, coefficient of variation {variation:.3f}, n = {len(each)} free runs\n")
    print(table(clamped, critical), "\n")
    print(fits(clamped, critical))


if __name__ == "__main__":
    run_script(main)

"""The fit of delays against a held norm: lines known by hand, with and without censored times."""

import numpy as np
import pytest

from benchmarks import norm_clamp
from benchmarks.norm_clamp import Held, censored_line, fits, interval, table
from grokking.errors import UserError

RHO = np.linspace(0.8, 1.4, 13)


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(norm_clamp, "RESAMPLES", 20)


def test_times_on_a_line_are_fitted_exactly() -> None:
    line = censored_line(RHO, np.exp(2 + 5 * RHO), np.ones(13, bool))
    assert (line.at_zero, line.slope) == pytest.approx((2, 5), abs=1e-3)


def test_a_budget_hides_long_times_and_the_fit_knows() -> None:
    """Times beyond the budget are lower bounds: taken as times, they would flatten the line."""
    rng = np.random.default_rng(0)
    x = np.tile(RHO, 8)
    times = np.exp(2 + 5 * x + 0.2 * rng.normal(size=len(x)))
    budget = 2000.0
    seen = times < budget
    assert 0.3 < seen.mean() < 0.9
    cut = np.minimum(times, budget)
    line = censored_line(x, cut, seen)
    assert line.slope == pytest.approx(5, abs=0.4)
    assert line.spread == pytest.approx(0.2, abs=0.06)
    assert censored_line(x, cut, np.ones(len(x), bool)).slope < 4.3
    low, high = interval(x[::8], cut[::8], seen[::8])
    assert low < 5 < high


def test_too_few_runs_are_refused() -> None:
    with pytest.raises(UserError, match="2 of 13 runs grokked"):
        censored_line(RHO, np.full(13, 100.0), np.arange(13) < 2)


def test_a_run_that_never_memorised_is_shown_and_not_fitted() -> None:
    runs = [Held(10 * r, round(np.exp(2 + 5 * r)), True, 5, r, 1.0) for r in RHO]
    runs.append(Held(8.0, 4000, False, None, None, 0.4))
    assert "| 8 | 0.80 | 1 of 2 |" in table(runs, 10.0)
    assert "| all | ρ | 13 of 13 |" in fits(runs, 10.0)

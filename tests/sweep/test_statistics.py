"""Medians of censored times and shares, where the answer is known by hand."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.sweep.collect_results import cells, gather
from grokking.sweep.statistics import Median, cell_statistics, share_grokked, survival_median

CONFIG = RunConfig(p=59, n_epochs=1000)


@pytest.mark.parametrize(
    "times, observed, median",
    [
        ([1, 2, 3], [1, 1, 1], 2),
        ([1, 2, 3, 4], [1, 1, 1, 1], 2.5),
        # At 6 the curve falls from 1 by a third (three at risk, one seen), at 7 to 0.
        ([5, 6, 6, 7], [0, 1, 0, 1], 7),
        # Three of four never: the curve stays at 3/4.
        ([10, 1000, 1000, 1000], [1, 0, 0, 0], None),
        # Half of them: the curve lies at 1/2 from there on, with nothing after it.
        ([10, 20, 1000, 1000], [1, 1, 0, 0], 20),
        ([1000, 1000], [0, 0], None),
        ([7], [1], 7),
        ([-30, 10, 20], [1, 1, 1], 10),
    ],
)
def test_kaplan_meier_median(times: list[float], observed: list[int], median: float | None) -> None:
    found = survival_median(times, list(map(bool, observed)))
    assert (found.n, found.n_observed, found.value) == (len(times), sum(observed), median)


def test_leaving_censored_runs_out_would_give_another_median() -> None:
    times, observed = [100, 200, 300, 1000, 1000], [True, True, True, False, False]
    assert survival_median(times, observed).value == 300
    assert survival_median(times[:3], observed[:3]).value == 200


def test_the_band_is_the_log_log_interval_at_one_half() -> None:
    """By hand for twelve times: S = 1 - t/12, with var(log(-log S)) = sum 1/(n(n-1)) / log(S)^2."""

    def interval(t: int) -> tuple[float, float]:
        s = 1 - t / 12
        greenwood = sum(1 / ((12 - i) * (11 - i)) for i in range(t))
        half = 1.959964 * math.sqrt(greenwood) / abs(math.log(s))
        return s ** math.exp(half), s ** math.exp(-half)

    low = next(t for t in range(1, 12) if interval(t)[0] <= 0.5)
    high = next(t for t in range(1, 12) if interval(t)[1] <= 0.5)
    found = survival_median(list(range(1, 13)), [True] * 12)
    assert found == Median(12, 12, 6.5, low, high) == Median(12, 12, 6.5, 2, 10)


def test_three_seeds_bound_a_median_on_one_side_only() -> None:
    assert survival_median([100, 200, 300], [True] * 3) == Median(3, 3, 200, 100, None)


def test_no_run_at_all_has_no_median() -> None:
    assert survival_median([], []) == Median(0, 0)


def test_shares_have_the_exact_interval(pretend: Callable[..., Path], tmp_path: Path) -> None:
    for seed in range(3):
        pretend(replace(CONFIG, seed=seed), 100, None, 1000)
    share = share_grokked(gather(tmp_path).results)
    # None of three: the upper bound u has (1 - u)^3 = 0.025.
    assert (share.hits, share.n, share.low) == (0, 3, 0)
    assert share.high == pytest.approx(1 - 0.025 ** (1 / 3))


def test_a_share_has_no_interval_while_runs_are_under_way(
    pretend: Callable[..., Path], tmp_path: Path
) -> None:
    """Those that grok are over first; an interval on them would flatter."""
    pretend(replace(CONFIG, seed=0), 100, 500, 600)
    pretend(replace(CONFIG, seed=1), 100, None, 700)
    share = share_grokked(gather(tmp_path).results)
    assert (share.hits, share.n, share.low, share.high) == (1, 2, None, None)


def test_a_cell_counts_every_run(pretend: Callable[..., Path], tmp_path: Path) -> None:
    pretend(replace(CONFIG, seed=0), 100, 400, 600)
    pretend(replace(CONFIG, seed=1), 120, 700, 900)
    pretend(replace(CONFIG, seed=2), 90, None, 1000)
    pretend(replace(CONFIG, seed=3), None, None, 1000)  # never even memorised
    found = gather(tmp_path)
    (cell,) = cells(found.results, [])
    statistics = cell_statistics(cell)
    assert (cell.seeds, cell.budgets, cell.running) == ([0, 1, 2, 3], [1000], 0)
    assert (statistics.share.hits, statistics.share.n) == (2, 4)
    assert (statistics.grokking.n, statistics.grokking.value) == (4, 700)
    assert (statistics.memorisation.n, statistics.memorisation.n_observed) == (4, 3)
    assert statistics.memorisation.value == 110  # 90, 100, 120 and one beyond: half by 100, more at 120
    # Delays 300, 580 and more than 910, over the three that memorised.
    assert (statistics.delay.n, statistics.delay.n_observed, statistics.delay.value) == (3, 2, 580)


def test_an_older_run_has_its_memorisation_epoch_from_its_rows(
    pretend: Callable[..., Path], as_of_old: Callable[[Path], None], tmp_path: Path
) -> None:
    as_of_old(pretend(CONFIG, 120, 500, 700))
    (result,) = gather(tmp_path).results
    assert (result.memorisation_epoch, result.delay) == (200, 300)  # rows come every hundred epochs

"""``python -m benchmarks.measures`` and ``benchmarks.ungrokking`` on values known by hand."""

from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.measure import Timing
from benchmarks.measures import in_epochs, spread
from benchmarks.ungrokking import table
from grokking.errors import UserError


def continued(seed: int, fraction: float, accuracy: float, digest: str = "abc") -> Any:
    config = SimpleNamespace(seed=seed, train_frac=fraction, init_digest=digest)
    return SimpleNamespace(name="run", config=config, history={"test_acc": [1.0, accuracy]})


def test_a_cost_is_the_median_of_its_ratios_round_by_round() -> None:
    assert in_epochs(Timing([1.0, 2.0, 9.0]), Timing([1.0, 1.0, 3.0])) == "2 (1 – 3)"


def test_a_spread_says_how_many_values_it_knows() -> None:
    assert spread([1.0, 3.0, 2.0]) == "2 (1 – 3)"
    assert spread([1.0, None]) == "1 (1 – 1), 1 of 2"
    assert spread([None]) == "–"


def test_critical_fractions_by_seed_and_over_seeds() -> None:
    runs = [continued(0, 0.1, 0.0), continued(0, 0.2, 1.0), continued(1, 0.1, 0.25), continued(1, 0.2, 0.75)]
    text = table(runs)
    assert "| test accuracy at 0.1 | 0.000 | 0.250 |" in text
    assert "| critical fraction | 0.150 (0.1 – 0.2) | 0.150 (0.1 – 0.2) |" in text
    assert "median 0.150, range 0.150 – 0.150, n = 2; between the tried fractions 0.1 and 0.2." in text
    assert "No crossing in 1 of 3 seeds." in table([*runs, continued(2, 0.1, 0.9)])


def test_a_run_that_was_not_continued_is_refused() -> None:
    with pytest.raises(UserError, match="did not start from saved weights"):
        table([continued(0, 0.1, 1.0, digest="")])

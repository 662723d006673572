"""``python -m benchmarks.claims`` on curves whose values are known by hand."""

from pathlib import Path

import pytest

from benchmarks.claims import summary, table
from benchmarks.quantities import course, transition
from benchmarks.reliability.work import DENSE, trained
from grokking.errors import UserError
from grokking.metrics.phases import Phases
from grokking.runs.run import Run

HISTORY = {
    "epochs": [0, 10, 20, 30, 40, 50],
    "train_acc": [0.0, 0.98, 1.0, 1.0, 1.0, 1.0],
    "train_loss": [4.0, 0.1, 1e-4, 9e-6, 2e-6, 1e-7],
    "test_acc": [0.0, 0.2, 0.14, 0.5, 0.999, 1.0],
    "test_loss": [4.0, 9.0, 12.0, 3.0, 0.1, 0.01],
    "grokking_epoch": 40,
    "memorisation_epoch": 20,
}


def test_the_transition_is_counted_from_the_last_silent_row() -> None:
    found = transition(HISTORY)
    assert found["last row with test accuracy below 15 %"] == 20
    assert found["first row from 99.8 % on"] == 40
    assert found["epochs between them"] == 20
    assert found["memorised (train accuracy 99 %)"] == 20
    assert found["train loss below 1e-5"] == 30
    assert found["test loss on the plateau, least"] == found["test loss on the plateau, most"] == 12.0


def test_a_run_that_never_groks_has_no_transition() -> None:
    found = transition(HISTORY | {"test_acc": [0.0, 0.1, 0.1, 0.1, 0.1, 0.1], "grokking_epoch": None})
    assert found["first row from 99.8 % on"] is None
    assert found["epochs between them"] is None
    assert found["test loss on the plateau, least"] == 0.01


def test_what_holds_after_the_transition_is_counted_from_it() -> None:
    found = transition(HISTORY | {"test_acc": [0.0, 0.2, 0.14, 0.999, 0.97, 1.0]})
    assert found["rows after 99.8 %"] == 3
    assert found["least test accuracy in them"] == 0.97


def test_a_course_with_gaps_has_values_where_phases_begin() -> None:
    found = course("loss", [0, 15, 25, 40, 50], [4.0, 2.0, None, 5.0, 3.0], Phases(20, 45))
    assert list(found.values()) == [4.0, 2.0, 5.0, 40, 2.0, 5.0, 3.0]
    assert course("loss", [0, 15], [None, None], Phases()) == dict.fromkeys(found)


def test_a_median_of_the_runs_that_went_well_is_not_printed() -> None:
    assert summary([4000, None, 6000, None, None]) == "4000 – 6000 in 2 of 5"
    assert summary([1, 2, 4]) == "2 (1 – 4), 3"
    assert summary([None]) == summary(["41 5"]) == "–"


def test_a_run_without_measures_is_refused(tmp_path: Path) -> None:
    trained(DENSE, tmp_path / "run")
    with pytest.raises(UserError, match="grokking measure"):
        table([Run(tmp_path / "run")])

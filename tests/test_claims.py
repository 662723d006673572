"""``python -m benchmarks.claims`` on curves whose values are known by hand."""

from pathlib import Path

import pytest

from benchmarks.claims import curves, moments, table
from grokking.errors import UserError
from grokking.reading import Run

HISTORY = {
    "epochs": [0, 10, 20, 30, 40, 50],
    "train_acc": [0.0, 0.98, 1.0, 1.0, 1.0, 1.0],
    "train_loss": [4.0, 0.1, 1e-4, 9e-6, 2e-6, 1e-7],
    "test_acc": [0.0, 0.2, 0.14, 0.5, 0.999, 1.0],
    "test_loss": [4.0, 9.0, 12.0, 3.0, 0.1, 0.01],
    "grokking_epoch": 40,
}


def test_the_transition_is_counted_from_the_last_silent_row() -> None:
    found = curves(HISTORY)
    assert found["last row with test accuracy below 15 %"] == 20
    assert found["first row from 99.8 % on"] == 40
    assert found["epochs between them"] == 20
    assert found["memorised (train accuracy 99 %)"] == 20
    assert found["train loss below 1e-5"] == 30
    assert found["test loss on the plateau, least"] == found["test loss on the plateau, most"] == 12.0


def test_a_run_that_never_groks_has_no_transition() -> None:
    found = curves(HISTORY | {"test_acc": [0.0, 0.1, 0.1, 0.1, 0.1, 0.1], "grokking_epoch": None})
    assert found["first row from 99.8 % on"] is None
    assert found["epochs between them"] is None
    assert found["test loss on the plateau, least"] == 0.01


def test_moments_of_a_curve_with_gaps() -> None:
    found = moments("loss", {"epochs": [0, 15, 25, 50]}, [4.0, 2.0, None, 3.0], 20)
    assert list(found.values()) == [4.0, 2.0, 4.0, 2.0, 3.0]


def test_a_run_without_measures_is_refused(tiny_run: Path) -> None:
    with pytest.raises(UserError, match="measure_progress"):
        table([Run(tiny_run)])

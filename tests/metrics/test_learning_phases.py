"""The four phases, each by hand."""

import pytest

from grokking.metrics.learning_phases import learning_phase, phase_of_run

EPOCHS = [0, 500, 1000, 2000, 5000]


@pytest.mark.parametrize(
    "phase, train, test",
    [
        ("comprehension", [0.1, 0.95, 1.0, 1.0, 1.0], [0.0, 0.5, 0.92, 1.0, 1.0]),
        ("grokking", [0.1, 0.95, 1.0, 1.0, 1.0], [0.0, 0.1, 0.2, 0.9, 1.0]),
        ("memorisation", [0.1, 0.95, 1.0, 1.0, 1.0], [0.0, 0.1, 0.2, 0.3, 0.89]),
        ("confusion", [0.1, 0.5, 0.6, 0.7, 0.8], [0.0, 0.1, 0.2, 0.3, 0.4]),
    ],
)
def test_a_phase_by_hand(phase: str, train: list[float], test: list[float]) -> None:
    assert learning_phase(EPOCHS, train, test) == phase


def test_late_begins_at_a_thousand_updates() -> None:
    assert learning_phase([0, 999], [1.0, 1.0], [0.0, 1.0]) == "comprehension"
    assert learning_phase([0, 1000], [1.0, 1.0], [0.0, 1.0]) == "grokking"


def test_an_unknown_split_has_no_phase() -> None:
    assert phase_of_run({"epochs": [0], "all_acc": [1.0]}) is None
    assert phase_of_run({"epochs": [0], "train_acc": [None], "test_acc": [None]}) == "confusion"

"""When a network has grokked, and when its weights are kept: rules on hand-made sequences."""

import json
import math
from itertools import pairwise

import pytest

from grokking.metrics.events import GrokDetector
from grokking.training.training_monitor import EVAL_EVERY, TrainingMonitor


def grokking_epoch(accuracies: list[float]) -> int | None:
    """By the library, from accuracies at epochs 0, 10, 20, …"""
    clock = GrokDetector()
    for look, accuracy in enumerate(accuracies):
        clock.look(10 * look, accuracy)
    return clock.epoch


def test_looks_come_every_ten_epochs() -> None:
    assert EVAL_EVERY == 10


@pytest.mark.parametrize(
    "accuracies, expected",
    [
        ([0.0] * 50, None),
        ([0.9899] * 50, None),
        ([0.99] * 11, 0),
        ([0.99] * 10, None),  # epochs 0 … 90: it has stayed for 90 only
        ([0.1] * 5 + [0.99] * 11, 50),
        ([0.1] * 5 + [1.0] * 10, None),
        ([0.1] * 5 + [1.0] * 10 + [0.98] + [1.0] * 11, 160),
        ([0.1] * 5 + [1.0] * 11 + [0.0] * 20, 50),  # what comes after 100 epochs no longer counts
        ([1.0] * 11 + [0.0] * 5 + [1.0] * 11, 0),
        ([1.0, 0.0] * 30, None),
        ([], None),
    ],
)
def test_grokking_epoch(accuracies: list[float], expected: int | None) -> None:
    assert grokking_epoch(accuracies) == expected


def test_the_clock_does_not_know_the_answer_too_early() -> None:
    """A run stopped before the 100 epochs are over is censored."""
    clock = GrokDetector()
    for epoch in range(0, 100, 10):
        clock.look(epoch, 1.0)
        assert clock.epoch is None
    clock.look(100, 1.0)
    assert clock.epoch == 0


def test_one_operation_has_one_epoch() -> None:
    watch = TrainingMonitor()
    for epoch in range(0, 201, 10):
        watch.look(epoch, {"add": float(epoch >= 40)})
    assert watch.grokking_epochs() == {"grokking_epoch": 40}


def test_several_operations_have_one_each_and_their_mean() -> None:
    watch = TrainingMonitor()
    for epoch in range(0, 501, 10):
        watch.look(epoch, {"add": float(epoch >= 40), "mul": 0.99 * (epoch >= 100), "sub": 0.98})
    assert watch.grokking_epochs() == {
        # (1 + 0.99 + 0.98) / 3 = 0.99 from epoch 100 on, and 0.98 never gets there alone.
        "grokking_epoch": 100 if math.fsum([1, 0.99, 0.98]) / 3 >= 0.99 else None,
        "grokking_epoch_add": 40,
        "grokking_epoch_mul": 100,
        "grokking_epoch_sub": None,
    }


def test_the_mean_counts_not_the_worst_operation() -> None:
    watch = TrainingMonitor()
    for epoch in range(0, 201, 10):
        watch.look(epoch, {"add": 1.0, "mul": 0.985})
    assert watch.grokking_epochs()["grokking_epoch"] == 0


def test_notes_survive_json() -> None:
    watch = TrainingMonitor()
    for epoch in range(0, 131, 10):
        watch.look(epoch, {"add": epoch / 130, "mul": 1.0})
        if watch.should_keep(epoch, 50):
            watch.kept(epoch)
    again = TrainingMonitor.from_dict(json.loads(json.dumps(watch.as_dict())))
    assert again == watch
    for epoch in range(140, 400, 10):
        for w in (watch, again):
            w.look(epoch, {"add": 1.0, "mul": 1.0})
    assert again.grokking_epochs() == watch.grokking_epochs()
    assert again.grokking_epochs()["grokking_epoch_mul"] == 0


# Which weights are kept


def transition(epoch: int, start: int, length: int) -> float:
    """A sigmoid from chance to certainty, its middle 90 % between start and start + length."""
    return 0.5 + 0.5 * math.tanh(3 * (2 * (epoch - start) / length - 1))


def kept_epochs(n_epochs: int, checkpoint_every: int, start: int = 6000, length: int = 1500) -> list[int]:
    watch, kept = TrainingMonitor(), []
    for epoch in range(n_epochs + 1):
        if epoch % EVAL_EVERY == 0:
            watch.look(epoch, {"add": transition(epoch, start, length)})
        if watch.should_keep(epoch, checkpoint_every):
            watch.kept(epoch)
            kept.append(epoch)
    return kept


def test_a_default_run_keeps_enough_for_a_film_and_not_too_much() -> None:
    kept = kept_epochs(30_000, 1000)
    # 0.86 MiB each: 150 MB hold 166 of them.
    assert 120 <= len(kept) <= 165
    assert sum(6000 <= epoch <= 7500 for epoch in kept) >= 30
    assert kept[0] == 0


def test_a_run_that_never_groks_is_kept_at_every_scale() -> None:
    kept = kept_epochs(30_000, 10_000, start=10**9)
    for low, high in ((0, 100), (100, 1000), (1000, 10_000), (10_000, 30_000)):
        assert sum(low <= epoch < high for epoch in kept) >= 10
    for before, after in pairwise(kept):
        assert after - before <= max(10, 0.1 * after)


@pytest.mark.parametrize("checkpoint_every", [1, 7, 25, 1000])
def test_weights_are_kept_at_least_as_often_as_asked(checkpoint_every: int) -> None:
    kept = kept_epochs(2000, checkpoint_every)
    assert set(range(0, 2001, checkpoint_every)) <= set(kept)
    assert all(epoch % EVAL_EVERY == 0 or epoch % checkpoint_every == 0 for epoch in kept)


def test_the_rule_knows_no_future() -> None:
    assert kept_epochs(3000, 500) == [e for e in kept_epochs(9000, 500) if e <= 3000]


def test_an_accuracy_that_wavers_is_not_kept_again_and_again() -> None:
    watch, kept = TrainingMonitor(), 0
    for epoch in range(10_000, 12_001, 10):
        watch.look(epoch, {"add": 0.5 + 0.3 * (epoch // 10 % 2)})
        if watch.should_keep(epoch, 10**6):
            watch.kept(epoch)
            kept += 1
    assert kept <= 6

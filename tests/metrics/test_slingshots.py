"""Slingshots on sequences whose count is known by hand; none of them depends on the loss's unit."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from grokking.metrics.events import RISE, SlingshotCounter, slingshots
from grokking.training.training_monitor import TrainingMonitor


def count(losses: list[float]) -> int:
    counter = SlingshotCounter()
    counter.look(losses)
    return counter.count


def spikes(n: int, height: float, apart: int = 300, level: float = 1e-3) -> list[float]:
    """n spikes of one epoch's rise and a fall over ten, with calm between."""
    falling = [level * height ** (1 - i / 10) for i in range(10)]
    return ([level] * apart + falling) * n + [level] * apart


@pytest.mark.parametrize("n", [0, 1, 2, 7])
@pytest.mark.parametrize("unit", [1.0, 1e-6, 1e3])
def test_spikes_are_counted_in_any_unit(n: int, unit: float) -> None:
    assert count([unit * loss for loss in spikes(n, 50)]) == n


@pytest.mark.parametrize("height, found", [(1.5, 0), (9.9, 0), (10.1, 1), (1e6, 1)])
def test_a_rise_counts_from_a_factor_of_ten(height: float, found: int) -> None:
    assert RISE == 10
    assert count(spikes(1, height)) == found


def test_a_jitter_at_the_top_of_a_spike_is_one_spike() -> None:
    top = [0.5 if i % 2 else 1.0 for i in range(40)]
    assert count([0.01] * 200 + top + [0.01] * 200) == 1


def test_slow_changes_are_no_spikes() -> None:
    falling = [5 * math.exp(-epoch / 200) for epoch in range(4000)]
    rising = [1e-8 * math.exp(epoch / 200) for epoch in range(4000)]
    assert count(falling) == count(rising) == 0


def test_a_lasting_rise_is_one_spike_and_later_ones_still_count() -> None:
    assert count([1e-4] * 300 + [1e-1] * 600 + [10.0] * 600) == 2


def test_nothing_is_no_level_to_rise_from() -> None:
    assert count([0.0] * 50 + [1e-15] + [0.0] * 50 + [1e-12, 5e-12]) == 0


def test_an_interruption_does_not_change_the_count() -> None:
    losses = spikes(3, 40)
    for at in (1, 301, 305, 650):
        watch = TrainingMonitor()
        watch.spikes.look(losses[:at])
        again = TrainingMonitor.from_dict(json.loads(json.dumps(watch.as_dict())))
        again.spikes.look(losses[at:])
        whole = SlingshotCounter()
        whole.look(losses)
        assert asdict(again.spikes) == asdict(whole)


def test_notes_of_an_older_version_have_no_spikes() -> None:
    record = TrainingMonitor().as_dict()
    del record["spikes"]
    assert TrainingMonitor.from_dict(record).spikes == SlingshotCounter()


def test_rows_every_epoch_are_judged_as_training_does() -> None:
    losses = spikes(3, 40)
    assert slingshots(range(len(losses)), losses) == [300, 610, 920]


def test_logged_rows_show_the_highest_row_of_a_slingshot() -> None:
    """Rows every ten epochs of a steady fall, with three rows in a row raised, and one raised too little."""
    epochs = list(range(0, 1000, 10))
    loss = np.geomspace(5, 1e-9, 100)
    assert slingshots(epochs, list(loss)) == []
    flat = np.full(100, 1e-3)
    flat[[40, 41, 42]] *= [20, 300, 60]
    flat[70] *= 12
    flat[80] *= 8
    assert slingshots(epochs, list(flat)) == [410, 700]


def test_the_level_follows_by_epochs_not_by_rows() -> None:
    """A gap of n epochs moves the level as n epochs at the same loss do."""
    one_by_one, at_once = SlingshotCounter(), SlingshotCounter()
    one_by_one.look([1.0] + [2.0] * 50)
    at_once.look([1.0])
    at_once.note(2.0, 50)
    assert one_by_one.level is not None
    assert at_once.level == pytest.approx(one_by_one.level)
    assert at_once.level == pytest.approx(math.log(2) * (1 - 0.99**50))


@pytest.mark.parametrize("loss", [[], [1.0], [None] * 20, [0.0] * 20, [float("nan"), 1.0, None]])
def test_slingshots_of_little_or_nothing(loss: list[float | None]) -> None:
    assert slingshots(list(range(len(loss))), loss) == []

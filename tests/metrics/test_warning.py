import math

import numpy as np
import pytest

from grokking.metrics.early_warning import (
    Departure,
    departure,
    early_warnings,
    goals,
    memorisation_epoch,
    memorised_at,
)

EPOCHS = list(range(0, 2001, 20))


def ramp(start: int, low: float, high: float, end: int | None = None) -> list[float]:
    """``low`` up to ``start``, then in a straight line to ``high`` at ``end``."""
    return list(np.interp(EPOCHS, [start, start + 400 if end is None else end], [low, high]))


def test_memorised_is_the_first_epoch_from_which_train_accuracy_stays_high():
    assert memorised_at([0, 10, 20, 30, 130], [0.1, 0.995, 0.5, 0.99, 1.0]) == 30
    assert memorised_at([0, 100], [1.0, 1.0]) == 0
    assert memorised_at([0, 90], [1.0, 1.0]) is None  # not for long enough to be sure
    assert memorised_at([0, 100], [1.0, 0.98]) is None
    assert memorised_at([], []) is None


def test_a_loss_spike_long_after_memorising_undoes_nothing():
    assert memorised_at([0, 100, 200, 300, 400], [0.1, 1.0, 1.0, 0.6, 1.0]) == 100


def test_the_memorisation_epoch_is_what_training_noted_or_what_rows_say():
    history = {
        "epochs": [0, 100, 200, 300],
        "train_acc": [0.0, 1.0, 1.0, 1.0],
        "train_acc_add": [0.0, 1.0, 1.0, 1.0],
        "train_acc_mul": [0.0, 0.9, 1.0, 1.0],
    }
    assert memorisation_epoch(history | {"memorisation_epoch": 60}) == 60
    assert memorisation_epoch(history | {"memorisation_epoch": None}) is None
    assert memorisation_epoch(history) == 100
    assert memorisation_epoch(history | {"memorisation_epoch": 60}, "mul") == 200
    assert memorisation_epoch({"epochs": [0, 100]}) is None  # imported, with an unknown split


def test_a_flat_baseline_is_left_at_a_tenth_of_the_way_to_the_goal():
    found = departure(EPOCHS, ramp(1000, 0.0, 1.0), goal=1.0, memorised=200)
    # 0.1 is reached at 1040 and passed at 1060.
    assert found.epoch == 1060
    assert (found.baseline, found.threshold) == (0.0, pytest.approx(0.1))


def test_a_falling_measure_is_looked_for_downwards():
    assert departure(EPOCHS, ramp(1000, 60.0, 30.0), goal=0.0, memorised=200).epoch == 1100
    assert departure(EPOCHS, ramp(1000, 60.0, 90.0), goal=0.0, memorised=200).epoch is None


def test_noise_of_the_baseline_raises_the_bar():
    noise = 0.05 * np.sin(np.arange(len(EPOCHS)))
    noisy = departure(EPOCHS, list(ramp(1000, 0.0, 1.0) + noise), goal=1.0, memorised=200)
    window = noise[10:21]  # epochs 200 to 400
    spread = 1.4826 * np.median(np.abs(window - np.median(window)))
    assert noisy.threshold == pytest.approx(np.median(window) + 5 * spread)
    assert noisy.epoch == 1120


def test_a_drifting_baseline_can_still_be_left():
    values = list(np.interp(EPOCHS, [0, 400, 1000, 1400], [4.7, 1.0, 1.0, 0.0]))
    found = departure(EPOCHS, values, goal=0.0, memorised=200)
    assert found.threshold == pytest.approx(found.baseline / 2)
    assert found.epoch is not None


def test_two_checkpoints_beyond_are_a_tremor_and_three_are_a_departure():
    values = [0.0] * len(EPOCHS)
    values[50:52] = [1.0, 1.0]
    assert departure(EPOCHS, values, 1.0, 200).epoch is None
    values[52] = 1.0
    assert departure(EPOCHS, values, 1.0, 200).epoch == EPOCHS[50]


def test_the_baseline_reaches_to_twice_the_epoch_of_memorisation():
    early = [1.0 if 200 <= e <= 400 else 5.0 for e in EPOCHS]
    assert departure(EPOCHS, early, goal=10.0, memorised=200).baseline == 1.0
    # At epoch 0 twice is nothing: five checkpoints are taken.
    assert departure(EPOCHS, ramp(100, 1.0, 9.0), goal=10.0, memorised=0).baseline == 1.0


def test_no_memorisation_or_no_values_means_no_departure():
    assert departure(EPOCHS, ramp(1000, 0.0, 1.0), 1.0, memorised=None) == Departure()
    assert departure(EPOCHS, [None] * len(EPOCHS), 1.0, memorised=200) == Departure()


def test_stretching_time_and_scaling_the_measure_stretch_the_answer_only():
    values = ramp(1000, 2.0, 12.0)
    plain = departure(EPOCHS, values, goal=12.0, memorised=200)
    other = departure([7 * e for e in EPOCHS], [3 * v for v in values], goal=36.0, memorised=1400)
    assert (other.epoch, other.threshold) == (7 * plain.epoch, pytest.approx(3 * plain.threshold))


def progress(**changes: list[float] | list[None]) -> dict:
    return {
        "config": {"p": 113},
        "epochs": EPOCHS,
        "train_acc": ramp(0, 0.0, 1.0, end=200),
        "test_acc": ramp(1400, 0.03, 1.0),
        "restricted_loss": ramp(600, 4.7, 0.0),
        "excluded_loss": ramp(1000, 0.1, 8.0),
        "gini": ramp(1200, 0.05, 0.7),
        "fourier_strength": ramp(1000, 0.2, 0.9),
        "weight_norm": ramp(800, 60.0, 30.0),
        **changes,
    }


def test_lead_is_counted_to_the_departure_of_test_accuracy():
    found = early_warnings({"grokking_epoch": 1800}, progress())
    reference = found["test_acc"].epoch
    assert found["test_acc"].lead == 0
    for name, left in found.items():
        assert left.lead == reference - left.epoch, name
        assert left.before_grokking == 1800 - left.epoch
        assert not left.false_alarm
    leads = [found[name].lead for name in ("restricted_loss", "weight_norm", "fourier_strength", "gini")]
    assert leads == sorted(leads, reverse=True)


def test_a_run_s_own_end_can_be_the_goal():
    """The norm falls from 60 to 30: a tenth of the way to 0 is passed at 54, to its end at 57."""
    history = {"grokking_epoch": 1800}
    fixed, own = (early_warnings(history, progress(), own_goals=flag) for flag in (False, True))
    assert fixed["weight_norm"].threshold == pytest.approx(54.0, abs=0.5)
    assert own["weight_norm"].threshold == pytest.approx(57.0, abs=0.5)
    assert own["weight_norm"].epoch < fixed["weight_norm"].epoch
    absent = progress(restricted_loss=[None] * len(EPOCHS))
    assert early_warnings({}, absent, own_goals=True)["restricted_loss"] == Departure()


def test_what_moves_in_a_run_that_never_groks_is_a_false_alarm():
    flat, absent = [0.03] * len(EPOCHS), [None] * len(EPOCHS)
    never = progress(test_acc=flat, restricted_loss=absent, excluded_loss=absent, gini=[0.05] * len(EPOCHS))
    found = early_warnings({"grokking_epoch": None}, never)
    assert {name for name, left in found.items() if left.false_alarm} == {"fourier_strength", "weight_norm"}
    assert found["weight_norm"].lead is found["weight_norm"].before_grokking is None
    assert found["restricted_loss"] == Departure()
    assert found["gini"].epoch is None
    assert not found["gini"].false_alarm


def test_operations_have_their_own_measures_and_share_the_weight_norm():
    record = progress()
    shared = ("config", "epochs", "weight_norm")
    renamed = {name if name in shared else f"{name}_add": value for name, value in record.items()}
    assert early_warnings({"grokking_epoch_add": 1800}, renamed, "add") == early_warnings(
        {"grokking_epoch": 1800}, record
    )


def test_without_a_split_nothing_says_when_the_train_set_is_memorised():
    record = progress()
    del record["train_acc"]
    assert early_warnings({}, record) == {}


def test_goals_are_the_measures_of_a_network_that_has_grokked():
    assert goals(113)["excluded_loss"] == math.log(113)
    assert goals(113)["weight_norm"] == goals(113)["restricted_loss"] == 0

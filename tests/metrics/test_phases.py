import numpy as np
import pytest

from grokking.metrics.phases import (
    CIRCUIT_FORMATION,
    CLEANUP,
    MEMORISATION,
    Phases,
    find_phases,
    phases_of_run,
    running_median,
)

EPOCHS = list(range(0, 1001, 10))


GROKKED = 720


def excluded() -> np.ndarray:
    """Falls to 0 at epoch 200, climbs in a straight line to 10 at 700, falls slowly after."""
    return np.interp(EPOCHS, [0, 200, 700, 1000], [4.7, 0.0, 10.0, 6.0])


def test_boundaries_are_the_turn_and_nine_tenths_of_the_climb():
    assert find_phases(EPOCHS, excluded(), GROKKED) == Phases(circuit_formation=200, cleanup=650)


@pytest.mark.parametrize("stretch", [0.1, 3, 100])
def test_stretching_time_stretches_the_boundaries(stretch):
    stretched = [round(e * stretch) for e in EPOCHS]
    found = find_phases(stretched, excluded(), round(GROKKED * stretch))
    assert found == Phases(round(200 * stretch), round(650 * stretch))


@pytest.mark.parametrize("scale, shift", [(0.01, 0.0), (100.0, 0.0), (1.0, 5.0)])
def test_scaling_or_shifting_the_loss_moves_nothing(scale, shift):
    assert find_phases(EPOCHS, excluded() * scale + shift, GROKKED) == Phases(200, 650)


def test_uneven_checkpoints_move_a_boundary_by_one_checkpoint_at_most():
    kept = sorted({round(10 * 1.07**i) for i in range(68)})
    values = np.interp(kept, EPOCHS, excluded())
    found = find_phases(kept, values, GROKKED)
    assert 200 / 1.07 <= found.circuit_formation <= 200 * 1.07
    assert 650 / 1.07 <= found.cleanup <= 650 * 1.07


def test_one_spike_is_no_phase():
    values = excluded()
    values[EPOCHS.index(400)] = 80.0
    values[EPOCHS.index(500)] = -5.0
    assert find_phases(EPOCHS, values, GROKKED) == Phases(200, 650)


def test_a_run_that_never_groks_has_the_first_phase_only():
    found = find_phases(EPOCHS, excluded(), None)
    assert found.spans(0, 1000) == [(MEMORISATION, 0, 1000)]
    assert found.at(1000) == MEMORISATION


def test_without_key_frequencies_there_is_no_curve_to_read():
    assert find_phases(EPOCHS, [None] * len(EPOCHS), GROKKED) == Phases()


def test_what_comes_after_grokking_moves_nothing():
    """With little weight decay the excluded loss can go on growing for ever."""
    values = excluded()
    values[EPOCHS.index(800) :] = 50.0
    assert find_phases(EPOCHS, values, GROKKED) == Phases(200, 650)


def test_a_climb_that_ends_below_the_first_guess_is_still_circuit_formation():
    """An untrained network's loss is ln p; an excluded loss below it can have climbed."""
    values = np.interp(EPOCHS, [0, 200, 700, 1000], [4.7, 1.0, 3.0, 2.0])
    assert find_phases(EPOCHS, values, GROKKED) == Phases(circuit_formation=200, cleanup=650)


def test_the_largest_climb_counts_not_the_highest_point():
    values = np.interp(EPOCHS, [0, 50, 60, 300, 700, 1000], [9.0, 8.0, 9.5, 1.0, 6.0, 5.0])
    assert find_phases(EPOCHS, values, GROKKED) == Phases(circuit_formation=300, cleanup=660)


def test_a_loss_that_never_climbs_has_the_first_phase_only():
    assert find_phases([0, 10, 20, 30], [4.0, 3.0, 2.0, 1.0], 30) == Phases()


def test_a_loss_that_only_climbs_begins_with_circuit_formation():
    found = find_phases([0, 10, 20, 30], [0.0, 1.0, 2.0, 3.0], 30)
    assert found == Phases(circuit_formation=0, cleanup=30)


def test_spans_and_phase_of_an_epoch_agree():
    phases = Phases(circuit_formation=200, cleanup=650)
    spans = phases.spans(0, 1000)
    assert spans == [(MEMORISATION, 0, 200), (CIRCUIT_FORMATION, 200, 650), (CLEANUP, 650, 1000)]
    for name, start, end in spans:
        assert phases.at(start) == phases.at(end - 1) == name


def test_each_operation_of_a_task_has_its_own_phases():
    history = {"grokking_epoch": None, "grokking_epoch_add": GROKKED, "grokking_epoch_mul": None}
    curve = list(excluded())
    progress = {"epochs": EPOCHS, "excluded_loss_add": curve, "excluded_loss_mul": curve}
    assert phases_of_run(history, progress, "add") == Phases(200, 650)
    assert phases_of_run(history, progress, "mul") == Phases()
    assert phases_of_run(history, progress) == Phases(known=False)


def test_a_run_whose_split_is_unknown_has_no_phases():
    """Imported weights have no train loss, so nobody measured it without the key frequencies."""
    phases = phases_of_run({}, {"epochs": EPOCHS, "restricted_loss": [0.0] * len(EPOCHS)})
    assert phases.spans(0, 1000) == []
    assert phases.at(1000) == "unknown"


def test_running_median_keeps_the_ends():
    assert list(running_median(np.array([9.0, 1.0, 5.0, 2.0]))) == [9.0, 5.0, 2.0, 2.0]
    assert list(running_median(np.array([9.0, 1.0]))) == [9.0, 1.0]

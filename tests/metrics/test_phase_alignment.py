"""Phases of neurons whose sums are known."""

import numpy as np
import pytest

from grokking.from_config import shape_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.phase_alignment import alignment, inverse_participation_ratio, phases_of, waves
from grokking.metrics.registry import METRICS, Scope
from grokking.tasks.modular import make_task
from tests.audit.handbuilt import P, handbuilt_config, handbuilt_weights

N, D_MLP = 17, 60


def cosines(k: np.ndarray, phase: np.ndarray) -> np.ndarray:
    return np.cos(2 * np.pi * np.outer(np.arange(N), k) / N + phase)


def test_a_wave_has_its_amplitude_and_phase() -> None:
    found = waves(3.0 * cosines(np.array([2]), np.array([0.7])), np.array([2]))
    assert np.abs(found[0]) == pytest.approx(3)
    assert np.angle(found[0]) == pytest.approx(0.7)


def test_participation_counts_frequencies() -> None:
    energy = np.array([[1.0, 2.0, 0.0], [0.0, 2.0, 0.0]])
    assert inverse_participation_ratio(energy).tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("sign", [1, -1])
def test_an_output_phase_that_is_the_sum_of_its_inputs_is_aligned(sign: int) -> None:
    generator = np.random.default_rng(0)
    k = generator.integers(1, 4, D_MLP)
    of_a, of_b, free = generator.uniform(0, 2 * np.pi, (3, D_MLP))
    inputs = cosines(k, of_a), cosines(k, of_b)
    value, null = alignment(phases_of(*inputs, cosines(k, of_a + sign * of_b)), sign)
    assert value == pytest.approx(1)
    assert null is not None
    assert null < 0.5
    unrelated, null = alignment(phases_of(*inputs, cosines(k, free)), sign)
    assert unrelated is not None
    assert abs(unrelated) < 0.5
    assert alignment(phases_of(*inputs, np.zeros((N, D_MLP))), sign) == (None, None)


@pytest.mark.parametrize("task", ["add", "sub"])
def test_a_network_that_adds_by_trigonometry_is_aligned(task: str) -> None:
    """Its neurons see a and b at one phase φ and are read out at 2φ; of a difference, no sign fits but
    its own."""
    config = handbuilt_config()
    grid = make_task(P, task).grid(task)
    acts = ActivationCache(handbuilt_weights(config), shape_of(config), make_task(P, task))
    row = METRICS.get("phase_alignment").measure(Scope(acts, None, task, grid))
    if task == "add":
        assert row["phase_alignment"] == pytest.approx(1, abs=1e-5)
        assert row["inverse_participation_ratio"] > 0.9
    else:
        assert row["phase_alignment"] < 0.5

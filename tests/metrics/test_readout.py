import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.from_config import initial_weights, shape_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.logits import wave_coefficients
from grokking.metrics.readout import (
    effective_rank,
    neuron_logit_map,
    readout_energy,
    readout_gini,
    readout_share,
)
from grokking.tasks.modular import make_task


def reader(p: int, task: str, k: int) -> ActivationCache:
    """Neurons 0 and 1 add the cosine and 3 times the sine of frequency k to the logits, 2 a constant."""
    config = RunConfig(p=p, task=task, d_model=8, n_heads=2, d_mlp=4, equals_class=True)
    weights = {name: torch.zeros_like(t) for name, t in initial_weights(config).items()}
    group = make_task(p, task).group(task)
    angle = 2 * torch.pi * k * torch.from_numpy(group.index[group.members].copy()) / group.order
    classes = torch.from_numpy(group.members.copy())
    weights["W_U"][0, classes], weights["W_U"][1, classes] = angle.cos().float(), angle.sin().float()
    weights["W_U"][2] = 9.0
    weights["W_out"][0, 0], weights["W_out"][1, 1], weights["W_out"][2, 2] = 1.0, 3.0, 5.0
    return ActivationCache(weights, shape_of(config), make_task(p, task))


@pytest.mark.parametrize("p, task", [(23, "add"), (23, "mul")])
def test_readout_of_cosines_is_known(p, task):
    acts = reader(p, task, k=4)
    grid = acts.task.grid(task)
    readout = neuron_logit_map(acts, grid)
    n = grid.n
    np.testing.assert_allclose(readout[0], np.cos(2 * np.pi * 4 * np.arange(n) / n), atol=1e-6)
    np.testing.assert_allclose(readout[2:], 0, atol=1e-6)
    energy = readout_energy(readout)
    np.testing.assert_allclose(energy[3], [n / 2, 9 * n / 2, 0, 0], atol=1e-4)
    assert np.delete(energy, 3, axis=0).max() < 1e-8
    assert readout_share(readout)[3] == pytest.approx(1)
    m = n // 2
    assert readout_gini(readout) == pytest.approx((m - 1) / m, abs=1e-4)  # all in one of m
    share = np.array([1, 3]) / 4
    assert effective_rank(readout) == pytest.approx(np.exp(-(share * np.log(share)).sum()), rel=1e-4)


def test_effective_rank_counts_equal_directions():
    rng = np.random.default_rng(0)
    basis, _ = np.linalg.qr(rng.standard_normal((9, 9)))
    assert effective_rank(7.0 * basis[:, :5] @ basis[:5]) == pytest.approx(5)
    assert effective_rank(np.outer(rng.standard_normal(6), rng.standard_normal(4))) == pytest.approx(1)
    assert effective_rank(np.zeros((3, 4))) == 0
    assert readout_share(np.zeros((4, 23))).sum() == 0


@pytest.mark.parametrize("n", [22, 23])
def test_wave_coefficients_are_the_amplitudes(n):
    s, c = np.ogrid[:n, :n]
    amplitude = {2: 40.0, 5: -3.0, n // 2: 1.5}
    table = sum(a * np.cos(2 * np.pi * k * (s - c) / n) for k, a in amplitude.items())
    table = table + np.random.default_rng(0).standard_normal((n, 1))  # shared by all classes
    expected = np.zeros(n // 2)
    for k, a in amplitude.items():
        expected[k - 1] = a
    np.testing.assert_allclose(wave_coefficients(table), expected, atol=1e-10)

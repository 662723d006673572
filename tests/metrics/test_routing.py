import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.from_config import shape_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.frequency_specialisation import (
    MeanAblation,
    cross_talk,
    diagonal_share,
    energy_by_frequency,
    head_shares,
    shuffled_shares,
)
from grokking.models.transformer.network import forward
from grokking.tasks.modular import make_task


def observation(drawn_weights, task="mul", **changes) -> tuple[ActivationCache, object]:
    config = RunConfig(**{"p": 11, "task": task, "d_model": 8, "n_heads": 2, "d_mlp": 12, **changes})
    made = make_task(11, task)
    return ActivationCache(drawn_weights(shape_of(config)), shape_of(config), made), made.grid(task)


@pytest.mark.parametrize("task", ["add", "sub", "mul"])
@pytest.mark.parametrize("layer_norm", [False, True])
def test_silencing_is_what_the_plain_forward_loses(drawn_weights, task, layer_norm):
    """Against a forward pass whose group is pinned by a zeroed W_in and a bias at the mean."""
    seen, grid = observation(drawn_weights, task, layer_norm=layer_norm)
    group = np.array([1, 4, 7])
    neurons = seen.neuron_grid(grid).reshape(grid.n**2, -1)
    pinned = {name: w.clone() for name, w in seen.weights.items()}
    # ReLU passes a positive mean on, so the bias is that mean; a pinned neuron no longer varies.
    pinned["W_in"][:, group] = 0.0
    pinned["b_in"][group] = neurons[:, group].mean(0)
    members = torch.from_numpy(grid.group.members.copy())
    tokens = torch.from_numpy(grid.tokens)
    whole, without = (forward(w, seen.shape, tokens)[:, -1][:, members] for w in (seen.weights, pinned))
    lost = whole - without
    lost = (lost - lost.mean(1, keepdim=True)).double().numpy()
    expected = np.array([lost[grid.s == s].mean(0) for s in range(grid.n)])
    found = MeanAblation(seen, grid)(group)
    # A linear readout's change has no constant part over s; the exact one may.
    np.testing.assert_allclose(found - found.mean(0), expected - expected.mean(0), atol=1e-5)


def test_diagonal_share_by_hand():
    matrix = np.array([[0.0, 6.0, 0.0], [1.0, 1.0, 2.0]])
    assert diagonal_share(matrix, [2, 3]) == pytest.approx(0.8)
    assert diagonal_share(np.zeros((2, 3)), [1, 2]) is None


def test_energy_by_frequency_of_one_wave():
    s = np.arange(12)[:, None]
    table = np.cos(2 * np.pi * 6 * s / 12) * np.array([1.0, -1.0, 2.0]) + 5.0
    np.testing.assert_allclose(energy_by_frequency(table), [0, 0, 0, 0, 0, 72.0], atol=1e-9)


def test_cross_talk_has_a_row_per_group(drawn_weights):
    seen, grid = observation(drawn_weights)
    found = cross_talk(MeanAblation(seen, grid), [np.arange(6), np.arange(6, 12)])
    assert found.shape == (2, 5)
    assert (found > 0).all()


def test_what_a_head_writes_is_pooled_over_its_channels(drawn_weights):
    """With the scores at zero a head writes f(a) + g(b): its shares are those of W_E through W_V."""
    seen, grid = observation(drawn_weights)
    for name in ("W_Q",):
        seen.weights[name].zero_()
    shares = head_shares(seen, grid)
    rows = seen.weights["W_E"].double().numpy()[grid.group.members]
    from grokking.metrics.embedding import frequency_share

    for head in range(2):
        through = seen.weights["W_V"][head].double().numpy() @ seen.weights["W_O"][head].double().numpy()
        written = rows @ through
        np.testing.assert_allclose(shares[head], frequency_share(written - written.mean(0)), atol=1e-5)


def test_the_null_keeps_sums_of_functions_and_loses_waves():
    a, b = torch.meshgrid(torch.arange(23), torch.arange(23), indexing="ij")
    wave = torch.cos(2 * torch.pi * 3 * (a + b) / 23)[..., None]
    null = shuffled_shares(wave, 5)
    assert null.shape == (5,)
    assert null.max() < 0.5
    assert shuffled_shares(torch.ones(5, 5, 1), 2).tolist() == [0.0, 0.0]

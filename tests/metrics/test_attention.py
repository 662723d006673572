import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.from_config import initial_weights, shape_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.attention import attention_grid, attention_of, pattern_shares, value_shares
from grokking.models.transformer.network import normalise
from grokking.tasks.modular import make_task

K = 3


def circle_reader(p: int, task: str, strength: float) -> ActivationCache:
    """Two heads that score a token by the cosine of frequency 3; the second one not at all.

    What head 0 writes is the token's cosine of frequency 3, head 1 writes cosine and sine of 5.
    """
    config = RunConfig(p=p, task=task, d_model=8, n_heads=2, d_mlp=4)
    weights = {name: torch.zeros_like(t) for name, t in initial_weights(config).items()}
    group = make_task(p, task).group(task)
    angle = 2 * torch.pi * torch.from_numpy(group.index[group.members].copy()) / group.order
    rows = torch.from_numpy(group.members.copy())
    weights["W_E"][rows, 0] = torch.cos(K * angle).float()
    weights["W_E"][rows, 1] = torch.cos(5 * angle).float()
    weights["W_E"][rows, 2] = torch.sin(5 * angle).float()
    weights["W_E"][p, 7] = 1.0
    weights["W_Q"][0, 7, 0], weights["W_K"][0, 0, 0] = 2.0 * strength, 1.0  # √d_head = 2
    weights["W_V"][0, 0, 0] = weights["W_V"][1, 1, 0] = weights["W_V"][1, 2, 1] = 1.0
    weights["W_O"][:, 0, 3] = weights["W_O"][1, 1, 4] = 1.0
    return ActivationCache(weights, shape_of(config), make_task(p, task))


@pytest.mark.parametrize("p, task", [(23, "add"), (23, "mul")])
def test_the_pattern_is_a_softmax_of_three_scores(p, task):
    acts = circle_reader(p, task, strength=1.5)
    grid = acts.task.grid(task)
    pattern = attention_grid(acts, grid).numpy()
    n = grid.n
    score = np.exp(1.5 * np.cos(2 * np.pi * K * np.arange(n) / n))
    total = score[:, None] + score[None, :] + 1
    np.testing.assert_allclose(pattern[:, :, 0, 0], score[:, None] / total, rtol=1e-5)
    np.testing.assert_allclose(pattern[:, :, 0, 1], score[None, :] / total, rtol=1e-5)
    np.testing.assert_allclose(pattern[:, :, 1], 1 / 3, rtol=1e-6)


@pytest.mark.parametrize("p, task", [(23, "add"), (23, "mul")])
def test_the_frequency_of_a_head_is_found_in_pattern_and_values(p, task):
    acts = circle_reader(p, task, strength=0.5)
    shares = pattern_shares(attention_grid(acts, acts.task.grid(task)))
    assert list(shares.frequency) == [K, 0]  # the second head's pattern never changes
    assert 0.95 < shares.fve[0] < 1
    assert shares.fve[1] == 0
    values = value_shares(acts, task)
    assert values[K - 1, 0] == pytest.approx(1)
    assert values[4, 1] == pytest.approx(1)
    np.testing.assert_allclose(values.sum(axis=0), 1)


def test_faint_scores_leave_a_pattern_of_one_frequency_alone():
    acts = circle_reader(23, "add", strength=0.01)
    shares = pattern_shares(attention_grid(acts, acts.task.grid("add")))
    assert shares.fve[0] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_the_pattern_is_that_of_the_readable_forward(layer_norm, drawn_weights):
    config = RunConfig(
        p=11, task="add,mul", d_model=16, n_heads=2, d_mlp=8, layer_norm=layer_norm, attention_temperature=0.7
    )
    shape, task = shape_of(config), make_task(11, "add,mul")
    weights = drawn_weights(shape)
    x = weights["W_E"][torch.from_numpy(task.tokens)] + weights["W_pos"]
    x = normalise(x, weights, "ln1", shape)
    q = torch.einsum("nd,hde->nhe", x[:, 2], weights["W_Q"])
    k = torch.einsum("nsd,hde->nshe", x, weights["W_K"])
    plain = (torch.einsum("nhe,nshe->nhs", q, k) * shape.score_scale).softmax(dim=2)
    torch.testing.assert_close(
        attention_of(ActivationCache(weights, shape, task), task.tokens), plain, rtol=1e-4, atol=1e-5
    )

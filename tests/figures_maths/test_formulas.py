"""Each formula of docs/maths.md against what is known of it by hand."""

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.figures.maths.formulas import (
    contraction,
    decay_without_gradient,
    loss_slice,
    penalty_without_gradient,
)
from grokking.figures.maths.plots import draw_all, grokking_times
from grokking.from_config import shape_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.attention import attention_entropy
from grokking.models.transformer.network import normalise
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.tasks.modular import make_task
from tests.audit.handbuilt import handbuilt_config, handbuilt_weights, write_run

SMALL = {"p": 7, "d_model": 8, "n_heads": 2, "d_mlp": 16}


@pytest.mark.parametrize("lr, decay", [(1e-3, 1.0), (1e-2, 0.3), (1e-3, 0.0)])
def test_without_a_gradient_the_norm_contracts_by_one_minus_eta_lambda(lr, decay):
    config = RunConfig(**SMALL, lr=lr, weight_decay=decay)
    norms = decay_without_gradient(config, 200)
    np.testing.assert_allclose(contraction(config, 200), (1 - lr * decay) ** np.arange(201), rtol=1e-12)
    np.testing.assert_allclose(norms / norms[0], contraction(config, 200), rtol=2e-5)


def test_warm_up_contracts_less_at_first():
    config = RunConfig(**SMALL, lr=0.1, warmup=4)
    expected = np.cumprod([1, 1, 0.975, 0.95, 0.925, 0.9])
    np.testing.assert_allclose(contraction(config, 5), expected)
    norms = decay_without_gradient(config, 5)
    np.testing.assert_allclose(norms / norms[0], expected, rtol=1e-5)


def test_a_penalty_under_adam_is_no_contraction():
    """Adam's steps do not shrink with the weights: their size is η, whatever λ is."""
    config = RunConfig(**SMALL, lr=1e-3)
    ten_times = RunConfig(**SMALL, lr=1e-3, weight_decay=10.0)
    norms, others = penalty_without_gradient(config, 100), penalty_without_gradient(ten_times, 100)
    np.testing.assert_allclose(norms, others, rtol=1e-4)
    assert norms[-1] / norms[0] < contraction(config, 100)[-1] - 0.05


def test_entropy_of_attention_by_hand(drawn_weights):
    shape = shape_of(RunConfig(**SMALL))
    weights = drawn_weights(shape)
    acts = ActivationCache(weights, shape, make_task(7, "add"))
    assert attention_entropy(acts, 1e6) == pytest.approx(np.log(3), abs=1e-4)
    assert attention_entropy(acts, 1e-6) == pytest.approx(0.0, abs=1e-4)
    assert (attention_entropy(acts, 0.5) < attention_entropy(acts)).all()
    flat = ActivationCache({**weights, "W_Q": torch.zeros_like(weights["W_Q"])}, shape, make_task(7, "add"))
    assert attention_entropy(flat) == pytest.approx(np.log(3))


def test_temperature_only_divides_the_scores(drawn_weights):
    """T = 2 with doubled queries is the network as it was."""
    config, warm = RunConfig(**SMALL), RunConfig(**SMALL, attention_temperature=2.0)
    weights, task = drawn_weights(shape_of(config)), make_task(7, "add")
    doubled = {**weights, "W_Q": 2 * weights["W_Q"]}
    one, two = (ActivationCache(w, shape_of(c), task) for w, c in ((weights, config), (doubled, warm)))
    torch.testing.assert_close(one.outputs.logits, two.outputs.logits, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(attention_entropy(one), attention_entropy(two), rtol=1e-6)


def test_layer_norm_by_hand():
    shape = shape_of(RunConfig(**SMALL, layer_norm=True))
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]])
    weights = {"ln1_w": torch.full((8,), 2.0), "ln1_b": torch.full((8,), 0.5)}
    expected = 2 * (x - 4.5) / (5.25 + 1e-5) ** 0.5 + 0.5
    torch.testing.assert_close(normalise(x, weights, "ln1", shape), expected)
    torch.testing.assert_close(normalise(10 * x + 3, weights, "ln1", shape), expected, atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    config = handbuilt_config("mul")
    return write_run(tmp_path_factory.mktemp("r") / "run", config, handbuilt_weights(config))


def test_slices_lie_on_their_parabola_near_the_weights(run):
    key, chance = loss_slice(RunView(run, "mul"))
    assert key.key
    assert "k = 2" in key.title
    for found in (key, chance):
        middle = len(found.at) // 2
        assert found.at[middle] == 0
        assert found.loss[middle] == pytest.approx(found.derivatives.value)
        slope = (found.loss[middle + 1] - found.loss[middle - 1]) / (2 * found.at[middle + 1])
        assert np.sign(slope) == np.sign(found.derivatives.first)


@pytest.mark.slow
def test_all_figures_are_drawn_and_are_pictures(run, tmp_path, tiny_run):
    paths = draw_all(run, [Run(tiny_run)], tmp_path / "new" / "folder")
    assert len({path.name for path in paths}) == 5
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    assert len(draw_all(run, [], tmp_path)) == 4


def test_runs_that_did_not_grok_are_counted_as_such(tiny_run):
    (row,) = grokking_times([Run(tiny_run), Run(tiny_run)])
    assert row["grokking_epochs"] == [None, None]
    assert row["budgets"] == [60, 60]
    assert all(0 < entropy <= np.log(3) for entropy in row["entropy"])


def test_a_task_without_a_group_is_a_user_s_mistake(tmp_path):
    config = RunConfig(**{**SMALL, "task": "x2+y2"})
    with pytest.raises(UserError, match="no cyclic group"):
        draw_all(write_run(tmp_path / "r", config), [], tmp_path)

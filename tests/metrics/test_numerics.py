"""Softmax collapse and naive loss minimisation, by hand."""

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.flat_loss import flat_weights, train_loss
from grokking.metrics.numerics import collapse_row, cosine, descent_along_weights
from grokking.metrics.registry import METRICS, Scope

CONFIG = RunConfig(p=7, d_model=8, n_heads=2, d_mlp=12, train_frac=0.5)


def acts_of(config: RunConfig) -> ActivationCache:
    return ActivationCache(initial_weights(config), shape_of(config), task_of(config))


def test_collapse_begins_where_the_other_terms_are_below_half_a_unit_in_the_last_place() -> None:
    # e^-10 is seen by both precisions, e^-20 by float64 alone, e^-40 by neither.
    logits = torch.tensor([[10.0, 0.0], [20.0, 0.0], [40.0, 0.0], [0.0, 40.0]])
    losses = torch.tensor([4.5e-5, 2e-9, 0.0, 40.0], dtype=torch.float64)
    assert collapse_row(logits, losses) == {
        "softmax_collapse": 0.75,
        "softmax_collapse_float64": 0.5,
        "zero_loss": 0.25,
    }


def test_without_a_split_nothing_is_known_of_train_pairs() -> None:
    scope = Scope(acts_of(CONFIG), None)
    names = ("softmax_collapse", "naive_loss_minimisation")
    assert all(value is None for name in names for value in METRICS.get(name).measure(scope).values())


@pytest.mark.parametrize("task", ["add", "add,sub"])
def test_descent_along_the_weights_is_the_slope_under_scaling(task: str) -> None:
    config = RunConfig(**{**CONFIG.as_dict(), "task": task})
    acts, split = acts_of(config), split_of(config, task_of(config))
    found, loss, flat = descent_along_weights(acts, split), train_loss(acts, split), flat_weights(acts)
    leaf = flat.clone().requires_grad_()
    length = float(torch.autograd.grad(loss(leaf), leaf)[0].norm() * flat.norm())
    slope = float(loss(flat * (1 + 1e-5)) - loss(flat * (1 - 1e-5))) / 2e-5
    assert found["naive_loss_minimisation"] == pytest.approx(-slope / length, rel=1e-3)
    # The weights are drawn with biases of 0, along which nothing can be scaled.
    assert found["nlm_b_in"] is None
    assert set(found) == {"naive_loss_minimisation", *(f"nlm_{name}" for name in acts.weights)}


def test_the_train_loss_is_that_of_the_history() -> None:
    acts, split = acts_of(CONFIG), split_of(CONFIG, task_of(CONFIG))
    expected = acts.losses_and_correct[0][split.train].mean()
    assert float(train_loss(acts, split)(flat_weights(acts))) == pytest.approx(expected, rel=1e-6)
    some = np.array([0, 3])
    part = acts.losses_and_correct[0][split.train[some]].mean()
    assert float(train_loss(acts, split, some)(flat_weights(acts))) == pytest.approx(part, rel=1e-6)


def test_cosine() -> None:
    assert cosine(torch.tensor([3.0, 4.0]), torch.tensor([[6.0, 8.0]])[0]) == pytest.approx(1)
    assert cosine(torch.zeros(2), torch.ones(2)) is None

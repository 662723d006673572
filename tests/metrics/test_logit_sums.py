"""Logits that are too large to hold: a row of measures is the same when they are gathered part by part."""

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.engines import outputs
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import measure_row
from grokking.metrics.logit_sums import LogitSums, is_collapsed
from grokking.metrics.numerics import collapsed


def network(task: str, scale: float = 1.0) -> ActivationCache:
    """A small network of a group; ``scale``: of its unembedding, for answers that float32 calls certain."""
    config = RunConfig(task=task, d_model=16, n_heads=2, d_mlp=24)
    weights = initial_weights(config)
    weights["W_U"] = weights["W_U"] * scale
    return ActivationCache(weights, shape_of(config), task_of(config))


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 100 pairs, which no number of pairs here is a multiple of."""
    monkeypatch.setattr(outputs, "LARGEST_HELD", 1)
    monkeypatch.setattr(outputs, "PART", 100)


@pytest.mark.parametrize("task", ["s4", "q8"])
def test_a_row_is_the_same_in_parts(task: str, request: pytest.FixtureRequest) -> None:
    whole = network(task, 60.0)
    split = split_of(RunConfig(task=task), whole.task)
    expected = measure_row(whole, split)
    assert 0 < expected["softmax_collapse"] < 1
    request.getfixturevalue("in_parts")
    parts = network(task, 60.0)
    found = measure_row(parts, split)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        plain = isinstance(value, list | str) or value is None
        assert found[name] == (value if plain else pytest.approx(value, rel=1e-5, abs=1e-6)), name
    assert "logits" not in parts.outputs.__dict__  # never held together


@pytest.mark.usefixtures("in_parts")
def test_all_logits_when_asked() -> None:
    acts = network("s4")
    task, expected = acts.task, outputs.task_outputs(acts.weights, acts.shape, acts.task.tokens)
    torch.testing.assert_close(acts.outputs.logits, expected.logits)
    torch.testing.assert_close(acts.outputs.neurons, expected.neurons)
    assert isinstance(acts.outputs, outputs.OutputsInParts)
    sums = LogitSums.of(acts.outputs, task)
    exact = expected.logits.double().numpy()
    for answer in range(task.n_answers):
        np.testing.assert_allclose(sums.by_answer[0, answer], exact[task.answers == answer].sum(0), rtol=1e-6)
    assert sums.energy[0] == pytest.approx(((exact - exact.mean(1, keepdims=True)) ** 2).sum(), rel=1e-6)


def test_collapse_of_float64_is_asked_of_pairs_collapsed_in_float32_alone() -> None:
    """Logits 0, -20, -50: certain in no precision, in float32 alone, in both."""
    logits = torch.tensor([[0.0, -1.0], [0.0, -20.0], [0.0, -50.0]])
    assert is_collapsed(logits, torch.float32).tolist() == [False, True, True]
    assert is_collapsed(logits, torch.float64).tolist() == [False, False, True]
    assert collapsed(logits, torch.float64) == pytest.approx(1 / 3)

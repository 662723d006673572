"""Logit scales of a network of waves, and of one that also remembers."""

import numpy as np
import pytest
import torch

from grokking.metrics.circuit_efficiency import logit_scale
from grokking.metrics.registry import METRICS, Scope
from grokking.tasks.split import Split
from tests.metrics.handmade import cosine_cube, observe

P = 11


def test_the_scale_is_the_right_logit_above_the_mean() -> None:
    assert logit_scale(torch.tensor([[3.0, 0.0, 0.0], [0.0, 6.0, 0.0]]), np.array([0, 1])) == pytest.approx(3)


def test_waves_generalise_and_what_only_train_pairs_have_is_memory() -> None:
    """Each train pair's right logit is raised by 5; averaged over the pairs of its answer that is partly
    a wave."""
    cube = cosine_cube(P, 1, [2, 3], 4.0)
    split = Split.from_train(range(0, P * P, 2), P * P)
    pure = measured(cube, split)
    assert pure["logit_scale"] == pytest.approx(8)
    assert pure["logit_scale_memorising"] == pytest.approx(0, abs=1e-5)
    assert pure["generalising_share"] == pytest.approx(1, abs=1e-5)
    a, b = np.divmod(split.train, P)
    cube[a, b, (a + b) % P] += 5
    remembering = measured(cube, split)
    assert remembering["logit_scale"] == pytest.approx(8 + 5 * (1 - 1 / P), rel=1e-6)
    assert 0.6 < remembering["generalising_share"] < 0.9
    parts = remembering["logit_scale_generalising"] + remembering["logit_scale_memorising"]
    assert parts == pytest.approx(remembering["logit_scale"])


def test_without_key_frequencies_the_parts_are_null() -> None:
    row = measured(cosine_cube(P, 1, [2], 1.0), None, keys=())
    assert row["logit_scale_generalising"] is None
    assert row["logit_scale"] == pytest.approx(1)


def measured(cube: np.ndarray, split: Split | None, keys: tuple[int, ...] = (2, 3)) -> dict[str, float]:
    acts, grid = observe(P, "add", cube)
    row = METRICS.get("circuit_efficiency").measure(Scope(acts, split, "add", grid, keys))
    return dict(row)

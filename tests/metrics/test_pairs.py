import numpy as np
import torch

from grokking.metrics.losses import learnt_since, margins
from tests.metrics.handmade import cosine_cube


def test_margin_is_right_logit_less_best_wrong_one():
    logits = torch.tensor([[1.0, 4.0, 3.0, 99.0], [5.0, 2.0, 7.5, 99.0]])
    np.testing.assert_allclose(margins(logits, np.array([1, 0]), 3), [1.0, -2.5])


def test_margin_of_a_cosine_network_is_its_drop_to_the_next_class():
    n, keys = 23, [2, 5, 7]
    cube = cosine_cube(n, +1, keys, amplitude=10.0).reshape(n * n, n)
    answers = np.add.outer(np.arange(n), np.arange(n)).ravel() % n
    waves = 10 * sum(np.cos(2 * np.pi * k * np.arange(1, n) / n) for k in keys)
    found = margins(torch.from_numpy(cube), answers, n)
    np.testing.assert_allclose(found, 30 - waves.max())


def test_a_pair_is_learnt_when_it_is_right_to_the_end():
    correct = np.array([[1, 0, 0, 1, 0], [1, 1, 0, 0, 1], [1, 1, 0, 1, 0], [1, 1, 1, 1, 0]], dtype=bool)
    np.testing.assert_array_equal(learnt_since(correct), [0, 1, 3, 2, 4])

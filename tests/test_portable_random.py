"""The portable generator against the published bits, the normal distribution and another way to draw."""

import hashlib

import numpy as np
import pytest
import torch
from scipy import stats

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.models.transformer.initial import draw_weights
from grokking.portable_random import portable_normal, portable_order, threefry

PUBLISHED = (0x6B200159, 0x99BA4EFE)
"""Random123's known answer for Threefry-2x32, 20 rounds, key and counter zero."""
PORTABLE_BITS = "e97567fbac9a9c8b1b46e9e2c097779645e7f1fcc3169874527391522b4e9821"
"""sha256 of the weights below, one after the other, little-endian float32."""


def test_the_bits_are_those_of_threefry() -> None:
    first, second = threefry(0, 0, 1)
    assert (int(first[0]), int(second[0])) == PUBLISHED


def test_a_draw_is_a_function_of_seed_stream_and_place() -> None:
    assert np.array_equal(portable_normal(5, 2, 101), portable_normal(5, 2, 300)[:101])
    others = (portable_normal(5, 3, 101), portable_normal(6, 2, 101))
    assert all(abs(np.corrcoef(other, portable_normal(5, 2, 101))[0, 1]) < 0.4 for other in others)


def test_the_numbers_are_normal() -> None:
    draws = portable_normal(1, 0, 200_000)
    assert stats.kstest(draws, "norm").pvalue > 1e-3
    assert abs(draws.mean()) < 0.01
    assert draws.std() == pytest.approx(1, abs=0.01)
    assert np.abs(np.corrcoef(draws[::2], draws[1::2])[0, 1]) < 0.01


def test_the_series_are_the_functions() -> None:
    u, v = (word.astype(float) for word in threefry(7, 1, 5000))
    radius, angle = np.sqrt(-2 * np.log((2 * u + 1) / 2**33)), 2 * np.pi * (v + 0.5) / 2**32
    by_numpy = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()
    assert portable_normal(7, 1, 10_000) == pytest.approx(by_numpy, abs=1e-12)


def test_an_order_is_a_permutation_by_the_words() -> None:
    first, second = threefry(4, 1 << 31, 500)
    words = sorted((int(a), int(b), i) for i, (a, b) in enumerate(zip(first, second, strict=True)))
    assert portable_order(4, 0, 500).tolist() == [i for _, _, i in words]
    assert not np.array_equal(portable_order(4, 0, 500), portable_order(4, 1, 500))


def test_a_config_draws_weights_and_split_by_it() -> None:
    config = RunConfig(p=11, d_model=8, n_heads=2, d_mlp=12, init_scheme="portable", seed=3)
    weights = initial_weights(config)
    assert all(tensor.dtype == torch.float32 for tensor in weights.values())
    assert weights["W_pos"].numpy() == pytest.approx(portable_normal(3, 1, 24).reshape(3, 8) / 8**0.5)
    assert not weights["b_in"].any()
    train = split_of(config).train
    assert train.tolist() == sorted(portable_order(3, 0, 121)[:36].tolist())
    other = RunConfig(**config.as_dict() | {"init_scheme": "standard"})
    assert not np.array_equal(train, split_of(other, task_of(other)).train)


def test_the_bits_of_a_network_stay() -> None:
    shape = RunConfig(p=11, d_model=8, n_heads=2, d_mlp=12)
    weights = initial_weights(RunConfig(**shape.as_dict() | {"init_scheme": "portable"}))
    digest = hashlib.sha256(b"".join(w.numpy().tobytes() for w in weights.values())).hexdigest()
    assert digest == PORTABLE_BITS


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(UserError, match="portable"):
        draw_weights(shape_of(RunConfig(p=11)), 0, "other")

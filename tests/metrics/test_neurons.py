"""Neurons written down as sinusoids, whose R² and variance shares are known by hand."""

import numpy as np
import pytest
import torch

from grokking.metrics.neurons import (
    SinusoidFit,
    fit_sinusoids,
    fourier_strength_null,
    mean_by_answer,
    variance_shares,
)
from tests.metrics.waves import Wave, answers, cosine, grid_of, naive_means, naive_r2, naive_shares

SIZES = [(7, 1), (7, 3), (23, 9), (10, 3), (10, 4), (22, 1)]
LONE = [4, 10, 22]


def r2_of(n: int, neuron: Wave, sign: int = 1) -> SinusoidFit:
    return fit_sinusoids(mean_by_answer(grid_of(n, neuron), answers(n, sign)))


# Means


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n", [2, 5, 6])
def test_means_are_over_the_pairs_with_one_answer(n: int, sign: int) -> None:
    grid = torch.from_numpy(np.random.default_rng(0).normal(size=(n, n, 3))).float()
    np.testing.assert_allclose(
        mean_by_answer(grid, answers(len(grid), sign)), naive_means(grid, sign), atol=1e-12
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_a_neuron_that_sees_the_answer_is_its_own_mean(sign: int) -> None:
    means = mean_by_answer(grid_of(7, lambda a, b: (a + sign * b) % 7), answers(7, sign))
    np.testing.assert_allclose(means[:, 0], np.arange(7))


# One sinusoid


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n, k", SIZES)
def test_a_cosine_of_the_answer_is_fitted_wholly(n: int, k: int, sign: int) -> None:
    grid = grid_of(n, lambda a, b: 3 * cosine(n, k, 0.7)(a + sign * b) + 5)
    fit = fit_sinusoids(mean_by_answer(grid, answers(len(grid), sign)))
    assert fit.r2 == pytest.approx([1.0])
    assert fit.frequency.tolist() == [k]
    assert fit.fourier_strength == pytest.approx(1.0)
    shares = variance_shares(grid)
    assert shares.fve == pytest.approx([1.0], abs=1e-5)
    assert shares.frequency.tolist() == shares.owner.tolist() == [k]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("n", LONE)
def test_the_highest_frequency_of_an_even_group_is_one_like_others(n: int, sign: int) -> None:
    grid = grid_of(n, lambda a, b: 1 + (-1.0) ** (a + sign * b))
    fit = fit_sinusoids(mean_by_answer(grid, answers(len(grid), sign)))
    assert fit.r2 == pytest.approx([1.0])
    assert fit.frequency.tolist() == [n // 2]
    shares = variance_shares(grid)
    assert shares.fve == pytest.approx([1.0], abs=1e-6)
    assert shares.owner.tolist() == [n // 2]


@pytest.mark.parametrize("n, k", SIZES)
def test_a_product_of_cosines_has_the_sum_as_its_mean(n: int, k: int) -> None:
    """cos a cos b = (cos(a + b) + cos(a - b)) / 2: over pairs of one a + b the second averages out."""
    grid = grid_of(n, lambda a, b: cosine(n, k)(a) * cosine(n, k)(b))
    means = mean_by_answer(grid, answers(len(grid)))
    np.testing.assert_allclose(means[:, 0], cosine(n, k)(np.arange(n)) / 2, atol=1e-7)
    assert fit_sinusoids(means).r2 == pytest.approx([1.0])
    assert variance_shares(grid).fve == pytest.approx([1.0], abs=1e-6)


@pytest.mark.parametrize("n, k", SIZES)
def test_a_wave_of_one_operand_says_nothing_of_the_answer(n: int, k: int) -> None:
    grid = grid_of(n, lambda a, b: cosine(n, k)(a), lambda a, b: 2 * cosine(n, k, 1.0)(b))
    shares = variance_shares(grid)
    assert shares.fve == pytest.approx([1.0, 1.0], abs=1e-6)
    assert shares.owner.tolist() == [k, k]
    # The mean is zero up to the rounding of float32 activations.
    assert np.abs(mean_by_answer(grid, answers(len(grid)))).max() < 1e-7


def test_the_other_sign_sees_nothing_of_the_answer() -> None:
    """cos(a + b) says nothing of a - b in an odd group."""
    grid = grid_of(11, lambda a, b: cosine(11, 2)(a + b))
    assert np.abs(mean_by_answer(grid, answers(len(grid), -1))).max() < 1e-7
    assert fit_sinusoids(mean_by_answer(grid, answers(len(grid)))).r2 == pytest.approx([1.0])


@pytest.mark.parametrize("n", [23, 22])
def test_two_frequencies_share_by_their_energies(n: int) -> None:
    """Amplitudes 1 and 1/2: energies 4 to 1."""
    grid = grid_of(n, lambda a, b: cosine(n, 3)(a + b) + 0.5 * cosine(n, 5, 0.3)(a + b))
    fit, shares = fit_sinusoids(mean_by_answer(grid, answers(len(grid)))), variance_shares(grid)
    assert fit.r2 == pytest.approx([0.8])
    assert fit.frequency.tolist() == [3]
    assert shares.by_frequency[[2, 4], 0] == pytest.approx([0.8, 0.2], abs=1e-6)
    assert shares.owner.tolist() == [0]  # 0.8 is not above 0.85
    strong = grid_of(n, lambda a, b: cosine(n, 3)(a + b) + 0.4 * cosine(n, 5)(a + b))
    assert variance_shares(strong).fve == pytest.approx([1 / 1.16], abs=1e-6)
    assert variance_shares(strong).owner.tolist() == [3]


def test_a_mixed_product_lies_in_no_block() -> None:
    shares = variance_shares(grid_of(11, lambda a, b: cosine(11, 2)(a) * cosine(11, 3)(b)))
    assert shares.by_frequency == pytest.approx(np.zeros((5, 1)), abs=1e-10)
    assert shares.owner.tolist() == [0]


def test_a_relu_of_a_wave_is_not_quite_a_sinusoid() -> None:
    """relu(cos x) = 1/π + cos x / 2 + Σ …: the first harmonic holds (1/8) / (1/4 - 1/π²) = 0.841."""
    n = 113
    fit = r2_of(n, lambda a, b: np.maximum(cosine(n, 1)(a + b), 0))
    assert fit.r2 == pytest.approx([(1 / 8) / (1 / 4 - 1 / np.pi**2)], abs=1e-3)


# Against the definitions


@pytest.mark.parametrize("n", [2, 3, 7, 8, 12])
def test_everything_agrees_with_the_definitions_on_noise(n: int) -> None:
    grid = torch.from_numpy(np.random.default_rng(n).normal(size=(n, n, 9)) + 1.0).float().relu()
    for sign in (1, -1):
        means = naive_means(grid, sign)
        np.testing.assert_allclose(fit_sinusoids(means).r2, naive_r2(means), rtol=1e-9)
    shares = variance_shares(grid)
    np.testing.assert_allclose(shares.by_frequency, naive_shares(grid), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(shares.fve, naive_shares(grid).max(axis=0), rtol=1e-4)
    assert shares.frequency.tolist() == (naive_shares(grid).argmax(axis=0) + 1).tolist()


# Dead, constant, and all but constant neurons


def test_dead_neurons_have_no_r2_and_are_left_out_of_the_mean() -> None:
    grid = grid_of(
        7,
        lambda a, b: 0 * a,
        lambda a, b: cosine(7, 2)(a + b),
        lambda a, b: 0 * a + 4.25,
        lambda a, b: cosine(7, 1)(a + b) + cosine(7, 2)(a + b),
    )
    fit = fit_sinusoids(mean_by_answer(grid, answers(len(grid))))
    assert fit.alive.tolist() == [False, True, False, True]
    assert np.isnan(fit.r2[[0, 2]]).all()
    assert fit.frequency[[0, 2]].tolist() == [0, 0]
    assert fit.fourier_strength == pytest.approx((1 + 0.5) / 2)


def test_a_network_of_dead_neurons_has_no_strength() -> None:
    means = np.full((7, 3), 0.5)
    assert fit_sinusoids(means).fourier_strength is None
    assert fourier_strength_null(means) is None


@pytest.mark.parametrize("energy, alive", [(0.9e-12, False), (1.1e-12, True)])
def test_dead_means_an_energy_of_a_millionth_squared(energy: float, alive: bool) -> None:
    wave = cosine(8, 1)(np.arange(8))[:, None]
    means = 3 + wave * np.sqrt(energy / (wave**2).sum())
    assert fit_sinusoids(means).alive.tolist() == [alive]


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 3.7, 1e3])
@pytest.mark.parametrize("n", [7, 22, 113])
def test_a_neuron_that_never_changes_belongs_to_no_frequency(n: int, value: float) -> None:
    grid = torch.full((n, n, 1), value)
    shares = variance_shares(grid)
    assert shares.fve.tolist() == [0.0]
    assert shares.frequency.tolist() == shares.owner.tolist() == [0]
    assert not fit_sinusoids(mean_by_answer(grid, answers(len(grid)))).alive.any()


@pytest.mark.parametrize("offset", [1.0, 10.0])
@pytest.mark.parametrize("n", [23, 112])
def test_a_small_wave_on_a_large_constant_is_seen(offset: float, n: int) -> None:
    """float32 activations of size 10 resolve 1e-6: a wave of 0.01 is ten thousand steps high."""
    grid = grid_of(n, lambda a, b: offset + 0.01 * cosine(n, 5)(a + b))
    np.testing.assert_allclose(naive_shares(grid)[4], 1, rtol=1e-4)
    assert variance_shares(grid).fve == pytest.approx([1.0], abs=1e-3)
    assert fit_sinusoids(mean_by_answer(grid, answers(len(grid)))).r2 == pytest.approx([1.0], abs=1e-3)

import numpy as np
import pytest
import torch

from grokking.metrics.spectra2d import energy_by_frequencies, logit_spectrum, spectrum_2d
from tests.metrics.handmade import cosine_cube, observe


def wave(n: int, f, g) -> torch.Tensor:
    x = 2 * np.pi * np.arange(n) / n
    return torch.from_numpy(np.outer(f(x), g(x)))


@pytest.mark.parametrize("n", [22, 23])
def test_a_product_of_two_waves_is_one_coefficient(n):
    coefficients = spectrum_2d(5 * wave(n, lambda x: np.cos(3 * x), lambda x: np.sin(7 * x)))
    expected = np.zeros((n, n))
    expected[2 * 3 - 1, 2 * 7] = 5 * n / 2  # each factor has norm √(n/2)
    np.testing.assert_allclose(coefficients, expected, atol=1e-10)


@pytest.mark.parametrize("n", [22, 23])
def test_nothing_is_lost(n):
    grid = torch.from_numpy(np.random.default_rng(n).standard_normal((n, n, 3)))
    coefficients = spectrum_2d(grid)
    np.testing.assert_allclose((coefficients**2).sum((0, 1)), grid.square().sum((0, 1)), rtol=1e-12)
    folded = energy_by_frequencies(coefficients)
    assert folded.shape == (n // 2 + 1, n // 2 + 1, 3)
    np.testing.assert_allclose(folded.sum((0, 1)), grid.square().sum((0, 1)), rtol=1e-12)


def test_the_highest_frequency_of_an_even_group_has_a_cosine_only():
    alternating = wave(22, lambda x: np.cos(11 * x), np.ones_like)
    energy = energy_by_frequencies(spectrum_2d(alternating))
    assert energy[11, 0] == pytest.approx(22 * 22)
    assert energy.sum() == pytest.approx(22 * 22)


@pytest.mark.parametrize("p, operation", [(23, "add"), (23, "sub"), (23, "mul"), (23, "div")])
def test_logits_of_a_cosine_network_are_blocks_on_the_diagonal(p, operation):
    """cos(ω(s - c)) is cos ωs cos ωc + sin ωs sin ωc, and either is half a block of products."""
    n = p if operation in ("add", "sub") else p - 1
    sign = +1 if operation in ("add", "mul") else -1
    seen, grid = observe(p, operation, cosine_cube(n, sign, [2, 5], amplitude=4.0))
    norms = logit_spectrum(seen.logit_grid(grid))
    expected = np.zeros((n, n))
    for k in (2, 5):
        # Of the energy A² n³ / 2 of a wave, a quarter lies on each of its four products.
        expected[2 * k - 1 : 2 * k + 1, 2 * k - 1 : 2 * k + 1] = np.sqrt(16 * n**3 / 8)
    np.testing.assert_allclose(norms, expected, rtol=1e-5, atol=1e-3)


def test_what_all_classes_share_is_left_out():
    cube = cosine_cube(23, +1, [2], amplitude=4.0)
    shifted = cube + np.random.default_rng(0).standard_normal((23, 23, 1))
    np.testing.assert_allclose(
        logit_spectrum(torch.from_numpy(shifted)), logit_spectrum(torch.from_numpy(cube)), atol=1e-9
    )

import numpy as np
import pytest
import torch

from grokking.metrics.spectra2d import diagonal_share, energy_spectrum
from tests.metrics.handmade import cosine_cube


@pytest.mark.parametrize("n", [2, 3, 11, 12])
def test_energies_add_up(n):
    grid = torch.randn(n, n, 3, generator=torch.Generator().manual_seed(n))
    spectrum = energy_spectrum(grid)
    assert spectrum.shape == (n // 2 + 1, n // 2 + 1)
    assert float(spectrum.sum()) == pytest.approx(float(grid.double().square().sum()))


@pytest.mark.parametrize("n", [11, 12])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_wave_of_the_answer_sits_at_k_k(n, sign):
    a, b = np.ogrid[:n, :n]
    for k in range(1, n // 2 + 1):
        wave = np.cos(2 * np.pi * k * (a + sign * b) / n)
        spectrum = energy_spectrum(torch.from_numpy(wave))
        expected = np.zeros((n // 2 + 1, n // 2 + 1))
        # cos² averages one half, except at k = n/2, where it is 1 everywhere.
        expected[k, k] = n * n if 2 * k == n else n * n / 2
        np.testing.assert_allclose(spectrum, expected, atol=1e-9)
        assert diagonal_share(spectrum) == pytest.approx(1.0)


def test_rows_are_frequencies_of_a_and_columns_of_b():
    a, b = np.ogrid[:12, :12]
    grid = np.cos(2 * np.pi * 2 * a / 12) * np.sin(2 * np.pi * 5 * b / 12)
    spectrum = energy_spectrum(torch.from_numpy(grid))
    assert float(spectrum[2, 5]) == pytest.approx(36.0)
    assert float(spectrum.sum()) == pytest.approx(36.0)
    assert diagonal_share(spectrum) == pytest.approx(0.0, abs=1e-12)


def test_it_is_the_magnitude_of_the_complex_transform():
    n = 11
    grid = np.random.default_rng(0).normal(size=(n, n))
    power = np.abs(np.fft.fft2(grid)) ** 2 / n**2
    spectrum = energy_spectrum(torch.from_numpy(grid))
    for i, j in ((0, 0), (0, 3), (2, 0), (2, 5)):
        both_signs = {(u % n, v % n) for u in (i, -i) for v in (j, -j)}
        assert float(spectrum[i, j]) == pytest.approx(sum(power[at] for at in both_signs))


def test_columns_are_added_up_and_a_constant_has_no_share():
    cube = torch.from_numpy(cosine_cube(11, 1, [2, 3], amplitude=2.0))
    spectrum = energy_spectrum(cube)
    # Per class an amplitude of 2, so 4/2 · n² per class and frequency.
    assert float(spectrum[2, 2]) == pytest.approx(11 * 2 * 121) == float(spectrum[3, 3])
    assert diagonal_share(energy_spectrum(torch.zeros(5, 5))) is None

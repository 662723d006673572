"""The Fourier basis for odd and even n: orthonormal, complete, looked up by frequency."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokking.groups.basis import fourier_basis


@pytest.mark.slow
@given(st.integers(2, 60))
def test_rows_are_orthonormal_and_complete(n: int) -> None:
    rows = fourier_basis(n).rows
    assert rows.shape == (n, n)
    np.testing.assert_allclose(rows @ rows.T, np.eye(n), atol=1e-12)


@given(st.integers(2, 60))
def test_every_row_belongs_to_one_frequency(n: int) -> None:
    basis = fourier_basis(n)
    owned = [row for k in range(n // 2 + 1) for row in range(*basis.rows_of(k).indices(n))]
    assert owned == list(range(n))


@pytest.mark.parametrize("n", [2, 3, 4, 7, 10, 112, 113])
def test_rows_are_the_waves_of_their_frequency(n: int) -> None:
    basis, x = fourier_basis(n), np.arange(n)
    np.testing.assert_allclose(basis.rows[basis.rows_of(0)], [np.full(n, n**-0.5)])
    for k in basis.frequencies:
        angle = 2 * np.pi * k * x / n
        waves = [np.cos(angle)] if 2 * k == n else [np.cos(angle), np.sin(angle)]
        expected = [wave / np.linalg.norm(wave) for wave in waves]
        np.testing.assert_allclose(basis.rows[basis.rows_of(k)], expected, atol=1e-11)


def test_the_highest_frequency_of_an_even_group_has_a_cosine_only() -> None:
    basis = fourier_basis(6)
    assert list(basis.frequencies) == [1, 2, 3]
    assert list(basis.paired_frequencies) == [1, 2]
    np.testing.assert_allclose(basis.rows[basis.rows_of(3)], [np.array([1, -1] * 3) / 6**0.5], atol=1e-15)


def test_an_odd_group_has_both_everywhere() -> None:
    basis = fourier_basis(7)
    assert list(basis.frequencies) == list(basis.paired_frequencies) == [1, 2, 3]


@pytest.mark.parametrize("n, k, phase", [(7, 2, 0.0), (7, 3, 0.4), (8, 1, 1.0), (8, 4, 0.0)])
def test_the_energy_of_a_wave_lies_on_its_frequency(n: int, k: int, phase: float) -> None:
    basis = fourier_basis(n)
    wave = 3 * np.cos(2 * np.pi * k * np.arange(n) / n + phase) + 5
    energy = basis.energy_per_frequency(basis.rows @ wave)
    expected = np.zeros(n // 2)
    expected[k - 1] = 9 * n if 2 * k == n else 9 * n / 2
    np.testing.assert_allclose(energy, expected, atol=1e-9)


@pytest.mark.parametrize("n", [2, 5, 6])
def test_energies_add_up_to_the_variance(n: int) -> None:
    basis = fourier_basis(n)
    values = np.random.default_rng(0).normal(size=(n, 3, 2))
    energy = basis.energy_per_frequency(np.tensordot(basis.rows, values, 1))
    assert energy.shape == (n // 2, 3, 2)
    np.testing.assert_allclose(energy.sum(0), ((values - values.mean(0)) ** 2).sum(0))


@pytest.mark.parametrize("n, k", [(7, 4), (6, 4), (7, -1)])
def test_a_frequency_that_does_not_exist_is_refused(n: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"frequency {k}"):
        fourier_basis(n).rows_of(k)


def test_there_is_no_basis_of_one_number() -> None:
    with pytest.raises(ValueError, match="n >= 2"):
        fourier_basis(1)


def test_the_shared_basis_cannot_be_altered() -> None:
    with pytest.raises(ValueError, match="read-only"):
        fourier_basis(5).rows[0, 0] = 1


@pytest.mark.parametrize("size", [(7,), (7, 3), (6, 2, 5)])
def test_the_transform_is_the_product_with_the_rows(size: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=size)
    basis = fourier_basis(size[0])
    expected = np.tensordot(basis.rows, values, 1)
    np.testing.assert_allclose(basis.transform(values), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(basis.transform(values.T.copy().T), expected, rtol=1e-12, atol=1e-12)

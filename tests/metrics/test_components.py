import numpy as np
import pytest

from grokking.metrics.components import component_spectra, principal_components


def circles(n: int, radii: dict[int, float], d: int = 40) -> np.ndarray:
    """Points on circles of several frequencies in planes at right angles."""
    basis, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((d, d)))
    angle = 2 * np.pi * np.arange(n) / n
    rows = np.zeros((n, d))
    for i, (k, radius) in enumerate(radii.items()):
        rows += radius * (
            np.outer(np.cos(k * angle), basis[2 * i]) + np.outer(np.sin(k * angle), basis[2 * i + 1])
        )
    return rows


@pytest.mark.parametrize("n", [22, 23])
def test_circles_of_different_radius_are_found_one_by_one(n):
    found = principal_components(5.0 + circles(n, {3: 2.0, 7: 1.0}), 4)
    np.testing.assert_allclose(found.shares, [0.4, 0.4, 0.1, 0.1], atol=1e-12)
    np.testing.assert_allclose(np.hypot(*found.scores[:, :2].T), 2.0)
    spectra = component_spectra(found.scores)
    np.testing.assert_allclose(spectra[2, :2], 1)
    np.testing.assert_allclose(spectra[6, 2:], 1)


def test_circles_of_nearly_the_same_radius_are_mixed():
    """Why PCA misses the circle: where variances tie, it may take any directions among them."""
    rng = np.random.default_rng(0)
    rows = circles(23, {3: 1.0, 7: 1.0}) + 0.05 * rng.standard_normal((23, 40))
    spectra = component_spectra(principal_components(rows, 2).scores)
    assert spectra.max(axis=0).min() < 0.9


def test_components_are_those_of_a_singular_value_decomposition():
    rows = np.random.default_rng(0).standard_normal((7, 20_000)).astype(np.float32)
    found = principal_components(rows, 3)
    centred = rows.astype(float) - rows.mean(axis=0, dtype=float)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found.scores), np.abs(u[:, :3] * s[:3]), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.shares, s[:3] ** 2 / (s**2).sum(), rtol=1e-6)
    assert (found.scores[np.abs(found.scores).argmax(axis=0), range(3)] > 0).all()


def test_rows_that_do_not_differ_have_no_components():
    found = principal_components(np.ones((5, 9)), 2)
    np.testing.assert_allclose(found.scores, 0)
    np.testing.assert_allclose(found.shares, 0)
    assert component_spectra(np.zeros((23, 2))).sum() == 0

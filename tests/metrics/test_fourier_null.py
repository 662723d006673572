"""The null of Fourier strength: shuffled answers, against regressions and known quantiles."""

import numpy as np
import pytest

from grokking.groups.basis import fourier_basis
from grokking.metrics import reductions as sums
from grokking.metrics.neurons import fit_sinusoids, fourier_strength_null
from grokking.metrics.shuffles import N_SHUFFLES, NULL_SEED
from tests.metrics.waves import answers, cosine, naive_r2


def test_the_null_of_noise_is_the_largest_of_56_frequencies() -> None:
    """The best of 56 equal shares is about (1 + 1/2 + … + 1/56) / 56 = 0.082."""
    means = np.random.default_rng(0).normal(size=(113, 200))
    strength, null = fit_sinusoids(means).fourier_strength, fourier_strength_null(means)
    assert strength == pytest.approx(0.082, abs=0.006)
    assert null == pytest.approx(0.085, abs=0.006)


@pytest.mark.parametrize("n", [11, 12])
def test_the_null_is_the_quantile_of_shuffled_answers(n: int) -> None:
    """The library's own shuffles, each strength by regression; the last neuron is dead."""
    s = np.arange(n)
    means = np.stack([cosine(n, k)(s) + 2 * (s == 3) + 1 for k in (1, 2, 3, 3)] + [np.ones(n)], axis=1)
    rng = np.random.default_rng(NULL_SEED)
    strengths = []
    for _ in range(N_SHUFFLES):
        shuffled = np.empty_like(means)
        shuffled[rng.permutation(n)] = means
        strengths.append(naive_r2(shuffled[:, :4]).mean())
    assert N_SHUFFLES >= 200
    assert fourier_strength_null(means) == pytest.approx(np.quantile(strengths, 0.95), rel=1e-4)


def test_a_pure_wave_stands_above_its_null() -> None:
    n = 59
    means = np.stack([cosine(n, k)(np.arange(n)) for k in range(1, 30)], axis=1)
    null = fourier_strength_null(means)
    assert null is not None
    assert null < 0.3
    assert fourier_strength_null(means) == null


@pytest.mark.parametrize("n", [2, 5, 8])
def test_loops_give_the_same_with_and_without_the_compiler(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    grid = rng.normal(size=(n, n, 3)).astype(np.float32)
    coefficients = rng.normal(size=(4, n, 3)).astype(np.float32)
    starts = fourier_basis(n).starts
    assert sums.COMPILED
    compiled = [*sums.grid_sums(grid, answers(len(grid), -1)), sums.best_shares(coefficients, starts)]
    monkeypatch.setattr(sums, "COMPILED", False)
    plain = [*sums.grid_sums(grid, answers(len(grid), -1)), sums.best_shares(coefficients, starts)]
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-12)

"""Trace and largest eigenvalue against matrices, and against the exact Hessian of a small network."""

import pytest
import torch

from grokking.config import RunConfig
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.commutator import commutator_defect, median_defect
from grokking.metrics.curvature import hutchinson_trace, largest_eigenvalue
from grokking.metrics.directional_derivatives import hessian_vector_product
from grokking.metrics.flat_loss import flat_weights, hessian_product, train_loss
from grokking.metrics.registry import METRICS, Scope
from grokking.tasks.split import Split

CONFIG = RunConfig(p=5, d_model=4, n_heads=1, d_mlp=6, train_frac=0.5, activation="gelu")


def symmetric(n: int, seed: int) -> torch.Tensor:
    a = torch.randn(n, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (a + a.T) / 2


def test_a_diagonal_matrix_has_its_trace_from_one_probe() -> None:
    """vᵀ D v = Σ d_i for every vector of ±1."""
    diagonal = torch.arange(5.0, dtype=torch.float64)
    trace, error = hutchinson_trace(lambda v: diagonal * v, 5)
    assert (trace, error) == (10.0, 0.0)


def test_lanczos_finds_the_eigenvalue_of_largest_size_with_its_sign() -> None:
    matrix = symmetric(30, 0) - 20 * torch.eye(30, dtype=torch.float64)[3:4].T @ torch.eye(30)[3:4].double()
    exact = torch.linalg.eigvalsh(matrix)
    assert largest_eigenvalue(lambda v: matrix @ v, 30) == pytest.approx(float(exact[0]), rel=1e-6)
    assert largest_eigenvalue(lambda v: 3 * v, 4) == pytest.approx(3)
    assert largest_eigenvalue(lambda v: 0 * v, 4) == 0


def test_curvature_of_a_small_network_is_that_of_its_whole_hessian() -> None:
    acts = ActivationCache(initial_weights(CONFIG), shape_of(CONFIG), task_of(CONFIG))
    split = split_of(CONFIG, task_of(CONFIG))
    exact = torch.autograd.functional.hessian(train_loss(acts, split), flat_weights(acts))
    found = METRICS.get("curvature").measure(Scope(acts, split))
    values = torch.linalg.eigvalsh(exact)
    top = float(values[values.abs().argmax()])
    assert found["hessian_top_eigenvalue"] == pytest.approx(top, rel=1e-3)
    assert abs(found["hessian_trace"] - float(exact.trace())) < 3 * found["hessian_trace_error"]
    v = torch.randn(len(exact), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    loss, flat = train_loss(acts, split), flat_weights(acts)
    for product in (hessian_product(loss, flat)(v), hessian_vector_product(loss, flat, v)):
        torch.testing.assert_close(product, exact @ v)
    many, error = hutchinson_trace(lambda v: exact @ v, len(exact), n_probes=2000)
    assert abs(many - float(exact.trace())) < 3 * error
    assert error < 0.12 * found["hessian_trace_error"]


def test_two_quadratics_commute_by_their_matrices() -> None:
    """Of ½ θᵀAθ and ½ θᵀBθ the two orders end (AB - BA) θ η² apart."""
    a, b = symmetric(4, 1), symmetric(4, 2)
    theta = torch.arange(1.0, 5.0, dtype=torch.float64)

    def quadratic(matrix: torch.Tensor):
        return lambda x: x @ matrix @ x / 2

    expected = float(((a @ b - b @ a) @ theta).norm() / ((a @ theta).norm() * (b @ theta).norm()))
    assert commutator_defect(quadratic(a), quadratic(b), theta) == pytest.approx(expected, rel=1e-6)
    assert commutator_defect(quadratic(a), quadratic(a), theta) == pytest.approx(0, abs=1e-6)
    assert commutator_defect(quadratic(a), quadratic(0 * a), theta) is None


def test_the_defect_of_a_network_is_a_positive_number_and_repeats() -> None:
    acts = ActivationCache(initial_weights(CONFIG), shape_of(CONFIG), task_of(CONFIG))
    split = split_of(CONFIG, task_of(CONFIG))
    first = median_defect(acts, split)
    assert first is not None
    assert first > 0
    assert median_defect(acts, split) == first
    assert median_defect(acts, Split.from_train([3], 25)) is None

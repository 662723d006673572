import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.from_config import shape_of
from grokking.metrics.directional_derivatives import (
    directional_derivative,
    directional_derivatives,
    finite_differences,
    fourier_component,
    hessian_vector_product,
    loss_along,
    random_directions,
)
from grokking.tasks.modular import make_task


def test_a_quadratic_by_hand():
    matrix = torch.tensor([[2.0, 1.0], [1.0, 4.0]], dtype=torch.float64)
    x, v = torch.tensor([1.0, -1.0], dtype=torch.float64), torch.tensor([3.0, 0.5], dtype=torch.float64)

    def half_square(y):
        return y @ matrix @ y / 2

    found = directional_derivatives(half_square, x, v)
    assert found.value == pytest.approx(2.0)
    assert found.first == pytest.approx(float(x @ matrix @ v)) == directional_derivative(half_square, x, v)
    assert found.second == pytest.approx(float(v @ matrix @ v))
    torch.testing.assert_close(hessian_vector_product(half_square, x, v), matrix @ v)


@pytest.mark.parametrize("changes", [{"activation": "gelu"}, {"layer_norm": True, "activation": "gelu"}, {}])
@pytest.mark.parametrize("name", ["W_E", "W_U", "W_Q", "W_in"])
def test_of_the_loss_against_finite_differences(drawn_weights, changes, name):
    config = RunConfig(p=7, d_model=8, n_heads=2, d_mlp=16, **changes)
    task, shape = make_task(7, "add"), shape_of(config)
    weights = drawn_weights(shape)
    loss = loss_along(weights, shape, task.tokens[:30], task.answers[:30], name)
    x = weights[name].double()
    v = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    v = v / v.norm()
    exact = directional_derivatives(loss, x, v)
    assert exact.first == pytest.approx(directional_derivative(loss, x, v), rel=1e-9)
    # Small steps, so that no ReLU of these few pairs turns between them.
    near = finite_differences(loss, x, v, 1e-5)
    assert near.first == pytest.approx(exact.first, rel=1e-5, abs=1e-8)
    assert near.second == pytest.approx(exact.second, rel=1e-3, abs=1e-4)


def test_the_loss_is_that_of_the_network(drawn_weights):
    config = RunConfig(p=7, d_model=8, n_heads=2, d_mlp=16)
    task, shape = make_task(7, "add"), shape_of(config)
    weights = drawn_weights(shape)
    from grokking.models.transformer.network import OneLayerTransformer

    logits = OneLayerTransformer(shape, weights)(torch.from_numpy(task.tokens)).detach().double()
    expected = float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(task.answers)))
    for name in ("W_E", "W_U"):
        loss = loss_along(weights, shape, task.tokens, task.answers, name)
        assert float(loss(weights[name].double())) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("operation, axis", [("add", 0), ("mul", 1)])
def test_components_of_all_frequencies_and_the_constant_make_up_the_members(operation, axis):
    group = make_task(11, operation).group(operation)
    matrix = torch.randn(13, 13, generator=torch.Generator().manual_seed(0))
    total = sum(fourier_component(matrix, group, k, axis) for k in range(group.order // 2 + 1))
    members = torch.from_numpy(group.members.copy())
    torch.testing.assert_close(total.index_select(axis, members), matrix.double().index_select(axis, members))
    outside = np.setdiff1d(np.arange(13), group.members)
    assert not total.index_select(axis, torch.from_numpy(outside)).any()


def test_random_directions_have_unit_norm_and_repeat():
    group = make_task(11, "mul").group("mul")
    matrix = torch.zeros(13, 4)
    first, second = (random_directions(matrix, group, 0, 2) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert not torch.equal(first[0], first[1])
    assert float(first[0].norm()) == pytest.approx(1.0)
    assert not first[0][[0, 11, 12]].any()

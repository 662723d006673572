"""Each optimiser's step, held against numbers worked out by hand or against its formula in numpy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from grokking.errors import UserError
from grokking.optim import OPTIMISERS
from grokking.optim.adamw import AdamW
from grokking.optim.base import state_sizes
from grokking.optim.egalitarian import whitened
from grokking.optim.muon import NEWTON_SCHULZ, MuonOptions, orthogonalised

SIZES = {"W_in": (4, 6), "W_O": (2, 3, 5), "W_E": (7, 4), "b_in": (6,)}
LR = 0.01


def drawn(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(size, generator=generator) for name, size in SIZES.items()}


def fresh_state(name: str) -> dict[str, dict[str, Tensor]]:
    sizes = state_sizes(OPTIMISERS.get(name), SIZES)
    return {state: {key: torch.zeros(s) for key, s in of.items()} for state, of in sizes.items()}


def stepped(name: str, n: int, **options: float) -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
    """Weights after ``n`` steps from ``drawn(0)``, and the gradients of these steps."""
    entry = OPTIMISERS.get(name)
    weights, state, gradients = drawn(0), fresh_state(name), [drawn(i + 1) for i in range(n)]
    for i, g in enumerate(gradients):
        given = {key: t.clone() for key, t in g.items()}
        entry.step(weights, given, state, entry.options(lr=LR, **options), LR, i)
    return weights, gradients


def test_adam_with_l2_is_that_of_torch() -> None:
    theirs = drawn(0)
    optimiser = torch.optim.Adam(theirs.values(), lr=LR, betas=(0.9, 0.98), weight_decay=0.3)
    weights, gradients = stepped("adam_l2", 5, weight_decay=0.3)
    for g in gradients:
        for name, w in theirs.items():
            w.grad = g[name].clone()
        optimiser.step()
    for name, w in theirs.items():
        torch.testing.assert_close(weights[name], w, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(weights["W_E"], stepped("adamw", 5, weight_decay=0.3)[0]["W_E"], atol=1e-3)


def test_two_steps_of_sgd_by_hand() -> None:
    weights, (g1, g2) = stepped("sgd", 2, weight_decay=2.0, momentum=0.5)
    once = 0.98 * drawn(0)["W_E"] - 0.01 * g1["W_E"]
    torch.testing.assert_close(weights["W_E"], 0.98 * once - 0.01 * (0.5 * g1["W_E"] + g2["W_E"]))


def test_two_steps_of_lion_by_hand() -> None:
    weights, (g1, g2) = stepped("lion", 2, weight_decay=2.0)
    once = 0.98 * drawn(0)["W_E"] - 0.01 * g1["W_E"].sign()
    second = (0.9 * 0.01 * g1["W_E"] + 0.1 * g2["W_E"]).sign()
    torch.testing.assert_close(weights["W_E"], 0.98 * once - 0.01 * second)


def test_muon_moves_matrices_by_its_polynomial_and_the_rest_by_adamw() -> None:
    weights, (g1, g2) = stepped("muon", 2, weight_decay=2.0, momentum=0.5, rest_rate=0.1, rest_decay=3.0)
    for name in ("W_in", "W_O"):
        w = drawn(0)[name].double()
        scale = 0.01 * max(1, w.shape[-1] / w.shape[-2]) ** 0.5
        w = 0.98 * w - scale * by_singular_values(1.5 * g1[name])
        m = 0.5 * g1[name] + g2[name]
        w = 0.98 * w - scale * by_singular_values(g2[name] + 0.5 * m)
        torch.testing.assert_close(weights[name].double(), w, rtol=0, atol=2e-5)
    options = MuonOptions(weight_decay=3.0)
    rest, state = {k: drawn(0)[k] for k in ("W_E", "b_in")}, fresh_state("adamw")
    for i, g in enumerate((g1, g2)):
        AdamW().step(rest, g, state, options, LR * 0.1, i)
    assert all(torch.equal(weights[name], w) for name, w in rest.items())


def by_singular_values(matrices: Tensor) -> Tensor:
    """What Newton and Schulz make of U S Vᵀ: their polynomial of each singular value, five times over."""
    a, b, c = NEWTON_SCHULZ
    u, s, v = torch.linalg.svd(matrices.double(), full_matrices=False)
    s = s / s.norm(dim=-1, keepdim=True)
    for _ in range(5):
        s = a * s + b * s**3 + c * s**5
    return u @ torch.diag_embed(s) @ v


def test_muon_s_singular_values_are_near_one() -> None:
    for matrices in (drawn(3)["W_O"], drawn(3)["W_in"].mT):
        values = torch.linalg.svdvals(orthogonalised(matrices))
        assert 0.65 < float(values.min()) <= float(values.max()) < 1.25


@pytest.mark.parametrize("size", [(4, 6), (6, 4), (2, 3, 5), (1, 4), (9,)])
def test_egalitarian_directions_are_the_formula_s(size: tuple[int, ...]) -> None:
    g = torch.randn(size, generator=torch.Generator().manual_seed(1))
    matrices = g.double().numpy() if g.ndim > 1 else g.double().numpy()[:, None]
    squares, vectors = np.linalg.eigh(matrices @ matrices.swapaxes(-1, -2))
    some = squares > 1e-9
    root = np.where(some, 1 / np.sqrt(np.where(some, squares, 1)), 0)
    expected = (vectors * root[..., None, :]) @ vectors.swapaxes(-1, -2) @ matrices
    torch.testing.assert_close(
        whitened(g).double(), torch.from_numpy(expected).reshape(size), rtol=0, atol=1e-5
    )


def test_egalitarian_descent_leaves_directions_without_a_gradient_alone() -> None:
    g = torch.outer(torch.tensor([3.0, 4.0]), torch.tensor([0.0, 2.0, 0.0]))
    torch.testing.assert_close(whitened(g), torch.tensor([[0, 0.6, 0], [0, 0.8, 0]]))
    assert whitened(torch.zeros(2, 3)).abs().max() == whitened(torch.zeros(3)).abs().max() == 0
    weights, (g1,) = stepped("egalitarian", 1, weight_decay=2.0)
    torch.testing.assert_close(
        weights["b_in"], 0.98 * drawn(0)["b_in"] - 0.01 * g1["b_in"] / g1["b_in"].norm()
    )


@pytest.mark.parametrize("name", ["adam_l2", "sgd", "lion", "muon"])
def test_replicas_do_not_mix(name: str) -> None:
    """One step of two replicas as a leading axis is the step of each."""
    entry, runs = OPTIMISERS.get(name), [(drawn(i), drawn(i + 5), fresh_state(name)) for i in (0, 1)]

    def stacked(part: list[dict[str, Tensor]]) -> dict[str, Tensor]:
        return {key: torch.stack([p[key] for p in part]) for key in part[0]}

    weights, gradients = stacked([r[0] for r in runs]), stacked([r[1] for r in runs])
    state = {key: stacked([r[2][key] for r in runs]) for key in runs[0][2]}
    entry.step(weights, gradients, state, entry.options(lr=LR), LR, 0)
    for i, (w, g, s) in enumerate(runs):
        entry.step(w, g, s, entry.options(lr=LR), LR, 0)
        for key, tensor in w.items():
            torch.testing.assert_close(weights[key][i], tensor, rtol=1e-5, atol=1e-6)


WRONG = [
    ("sgd", "momentum", 1.0),
    ("muon", "momentum", -0.1),
    ("muon", "rest_rate", -1.0),
    ("muon", "rest_decay", -1.0),
    ("lion", "betas", (1, 0)),
    ("adamw", "norm_clamp", -1.0),
]


@pytest.mark.parametrize(("name", "field", "value"), WRONG)
def test_values_that_no_step_can_have_are_refused(name: str, field: str, value: object) -> None:
    with pytest.raises(UserError, match=f"{field} is .*; accepted: "):
        replace(OPTIMISERS.get(name).options(), **{field: value})

"""One embedding in two orders: what multiplies is sparse in one of them only, by any primitive root."""

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import initial_weights, shape_of
from grokking.groups.cyclic import is_primitive_root, multiplicative_group
from grokking.metrics.activations import ActivationCache
from grokking.metrics.circuit_overlap import token_waves
from grokking.metrics.embedding import embedding_nulls, frequency_share, gini
from grokking.metrics.token_ordering import LOGARITHMIC, order_spectrum, orders_of, relabelled
from grokking.tasks.modular import make_task


def observed(p: int, waves: dict[int, float], task: str = "mul") -> ActivationCache:
    """W_E made of waves over discrete logarithms, by frequency their amplitude."""
    config = RunConfig(p=p, task=task, d_model=16, n_heads=2, d_mlp=8)
    weights = initial_weights(config)
    rows = torch.zeros(p, 16, dtype=torch.float64)
    for i, (k, amplitude) in enumerate(waves.items()):
        wave = torch.from_numpy(token_waves(multiplicative_group(p), k))
        rows[:, 2 * i : 2 * i + wave.shape[1]] = amplitude * wave
    weights["W_E"][:p] = rows.float()
    return ActivationCache(weights, shape_of(config), make_task(p, task))


def roots_of(p: int) -> list[int]:
    return [g for g in range(2, p) if is_primitive_root(g, p)]


@pytest.mark.parametrize("p", [23, 59, 113, 131])
def test_waves_of_the_logarithm_are_sparse_there_and_flat_in_the_order_of_counting(p: int) -> None:
    acts = observed(p, {3: 1.0, (p - 1) // 2 - 1: 2.0})
    additive, logarithmic = (order_spectrum(acts, group, "mul") for group in orders_of(p).values())
    assert len(additive.share) == len(logarithmic.share) == (p - 1) // 2
    assert logarithmic.share[2] == pytest.approx(0.2, abs=1e-6)
    assert logarithmic.share[(p - 1) // 2 - 2] == pytest.approx(0.8, abs=1e-6)
    # Gauss sums: a character of Z_p* weighs the same at every frequency of Z_p.
    np.testing.assert_allclose(additive.share, 2 / (p - 1), rtol=1e-4)
    assert additive.gini < 1e-4
    assert additive.gini < additive.null < logarithmic.null < 0.5 < logarithmic.gini


def test_the_highest_frequency_is_flat_too() -> None:
    acts = observed(23, {11: 1.0})
    additive, logarithmic = (order_spectrum(acts, group, "mul") for group in orders_of(23).values())
    assert logarithmic.share[10] == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(additive.share, 1 / 11, rtol=1e-4)


@pytest.mark.parametrize("p", [23, 59])
def test_any_primitive_root_gives_the_same_shares_at_other_frequencies(p: int) -> None:
    weights = initial_weights(RunConfig(p=p, task="mul", d_model=16, n_heads=2, d_mlp=8))["W_E"][:p]
    rows, smallest = weights.double().numpy(), multiplicative_group(p).generator

    def share(root: int) -> np.ndarray:
        members = rows[multiplicative_group(p, root).members]
        return frequency_share(members - members.mean(axis=0))

    known = share(smallest)
    moved = 0
    for root in roots_of(p):
        there = [relabelled(k, smallest, root, p) for k in range(1, (p - 1) // 2 + 1)]
        assert sorted(there) == list(range(1, (p - 1) // 2 + 1))
        np.testing.assert_allclose(share(root)[np.array(there) - 1], known, rtol=1e-9)
        moved += there != sorted(there)
    assert moved > 0  # the labels do change
    with pytest.raises(UserError, match="4 is not a primitive root"):
        orders_of(p, 4)


@pytest.mark.parametrize("p", [2, 9, 12])
def test_only_an_odd_prime_has_discrete_logarithms(p: int) -> None:
    with pytest.raises(UserError, match=f"the modulus is {p}; accepted: an odd prime"):
        orders_of(p)


def test_a_wave_keeps_its_shape_under_another_root() -> None:
    for root in roots_of(23):
        here = token_waves(multiplicative_group(23), 3)
        there = token_waves(multiplicative_group(23, root), relabelled(3, 5, root, 23))
        span = there @ there.T
        np.testing.assert_allclose(span @ here, here, atol=1e-12)


def test_numbers_are_those_of_the_metrics() -> None:
    acts = observed(23, {2: 1.0}, task="add,mul")
    found = order_spectrum(acts, orders_of(23)[LOGARITHMIC], "mul")
    embedding = acts.embedding("mul")
    assert np.array_equal(found.share, frequency_share(embedding))
    assert found.gini == gini(embedding)
    assert found.null == embedding_nulls(embedding).gini

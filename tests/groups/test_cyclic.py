"""Cyclic groups against sympy, and against their own definition."""

import numpy as np
import pytest
from sympy import factorint
from sympy.ntheory import discrete_log, primitive_root

from grokking.errors import UserError
from grokking.groups.cyclic import (
    OUTSIDE,
    additive_group,
    is_primitive_root,
    multiplicative_group,
    prime_factors,
    smallest_primitive_root,
)

PRIMES = [3, 5, 7, 11, 13, 23, 41, 59, 97, 113, 131, 191, 409]


def test_prime_factors_agree_with_sympy() -> None:
    for n in range(2, 500):
        assert prime_factors(n) == sorted(factorint(n))


@pytest.mark.parametrize("p", PRIMES)
def test_the_smallest_primitive_root_agrees_with_sympy(p: int) -> None:
    assert smallest_primitive_root(p) == primitive_root(p)


@pytest.mark.parametrize("p", [3, 7, 13])
def test_a_primitive_root_is_a_number_whose_powers_reach_everything(p: int) -> None:
    for g in range(p):
        powers = {pow(g, i, p) for i in range(p - 1)}
        assert is_primitive_root(g, p) == (powers == set(range(1, p)))


@pytest.mark.parametrize("p", [3, 7, 59, 113])
def test_indices_are_discrete_logarithms(p: int) -> None:
    group = multiplicative_group(p)
    logarithms = [discrete_log(p, x, primitive_root(p)) for x in range(1, p)]
    assert group.index[1:].tolist() == logarithms
    assert group.index[0] == OUTSIDE
    assert group.order == p - 1


def test_the_logarithm_can_be_taken_to_another_root() -> None:
    group = multiplicative_group(7, 5)
    assert group.members.tolist() == [1, 5, 4, 6, 2, 3]
    assert group.index.tolist() == [OUTSIDE, 0, 4, 5, 2, 1, 3]
    assert group.axis_label.format(x="b") == "log_5(b)"


@pytest.mark.parametrize("generator", [0, 1, 2, 6, 7])
def test_what_is_no_root_is_refused(generator: int) -> None:
    with pytest.raises(UserError, match="3 is"):
        multiplicative_group(7, generator)


def test_addition_needs_no_renaming() -> None:
    group = additive_group(13)
    assert group.members.tolist() == group.index.tolist() == list(range(13))
    assert (group.order, group.axis_label.format(x="b")) == (13, "b")


@pytest.mark.parametrize("p", [7, 23])
def test_indices_turn_the_operation_into_addition(p: int) -> None:
    group = multiplicative_group(p)
    for a in range(1, p):
        for b in range(1, p):
            assert group.index[a * b % p] == (group.index[a] + group.index[b]) % group.order


def test_groups_cannot_be_altered() -> None:
    with pytest.raises(ValueError, match="read-only"):
        additive_group(7).members[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        multiplicative_group(7).index[0] = 1
    assert np.array_equal(additive_group(7).members, np.arange(7))

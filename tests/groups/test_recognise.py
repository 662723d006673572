"""Groups found by name from shuffled tables, each with an isomorphism that is checked."""

from collections import Counter

import numpy as np
import pytest

from grokking.groups.base import Group
from grokking.groups.families import named_group
from grokking.groups.recognise import (
    abelian_factors,
    find_isomorphism,
    recognise,
    signatures,
    with_known_labels,
)


def shuffled(name: str, seed: int = 0) -> Group:
    group = named_group(name)
    order = np.random.default_rng(seed).permutation(group.order)
    return Group("shuffled", np.argsort(order)[group.table[np.ix_(order, order)]])


@pytest.mark.parametrize(
    "name, title",
    [
        ("c7", "Z_7"),
        ("c118", "Z_118"),
        ("c2xc3", "Z_6"),
        ("c4xc6", "Z_2 × Z_12"),
        ("c2xc2xc2", "Z_2 × Z_2 × Z_2"),
        ("d3", "S3"),
        ("s3xc2", "D6"),
        ("s4", "S4"),
        ("s5", "S5"),
        ("a4", "A4"),
        ("a5", "A5"),
        ("d59", "D59"),
        ("d4", "D4"),
        ("q8", "Q8"),
        ("q12", "Q12"),
        ("s3xc3", "S3 × Z_3"),
        ("s3xs3", "S3 × S3"),
        ("a5xc2", "A5 × Z_2"),
    ],
)
def test_a_shuffled_group_is_recognised(name: str, title: str) -> None:
    group = shuffled(name)
    found = recognise(group)
    assert found is not None
    assert found.group.title == title
    f = found.isomorphism
    assert sorted(f) == list(range(group.order))
    np.testing.assert_array_equal(f[group.table], found.group.table[np.ix_(f, f)])


@pytest.mark.parametrize(
    "one, other", [("q8", "d4"), ("c4xc2", "c2xc2xc2"), ("s5", "a5xc2"), ("c4xc4", "q8xc2")]
)
def test_groups_of_one_order_are_told_apart(one: str, other: str) -> None:
    assert find_isomorphism(named_group(one), named_group(other)) is None


def semidirect(multipliers: tuple[int, int]) -> Group:
    """Z_7² extended by Z_3, whose generator multiplies the two coordinates by these numbers."""
    i, j, t = np.unravel_index(np.arange(147), (7, 7, 3))
    first, second = (np.array([m**k for k in range(3)])[t][:, None] for m in multipliers)
    parts = (i[:, None] + first * i) % 7, (j[:, None] + second * j) % 7, (t[:, None] + t) % 3
    return Group("extension", np.ravel_multi_index(parts, (7, 7, 3)))


def test_groups_that_differ_in_no_signature_are_told_apart_by_the_search() -> None:
    alike, different = semidirect((2, 2)), semidirect((2, 4))
    assert Counter(signatures(alike)) == Counter(signatures(different))
    assert find_isomorphism(alike, different) is None
    assert find_isomorphism(different, semidirect((4, 2))) is not None
    assert recognise(alike) is None


def test_labels_travel_with_the_isomorphism() -> None:
    group = with_known_labels(shuffled("s5"))
    assert group.basis.labels == named_group("s5").basis.labels
    standard = group.block_characters[group.basis.block_of("standard")]
    assert sorted(standard) == sorted(named_group("s5").block_characters[2])


def test_a_shuffled_dihedral_group_has_frequencies() -> None:
    group = with_known_labels(shuffled("d7"))
    assert group.basis.labels == ("trivial", "sign", "1", "2", "3")
    rotation = group.hints.rotation
    assert rotation is not None
    assert group.element_orders[rotation] == 7
    np.testing.assert_allclose(
        group.block_characters[2:, rotation], 2 * np.cos(2 * np.pi * np.arange(1, 4) / 7)
    )


def test_the_order_of_elements_does_not_change_the_energies_of_blocks() -> None:
    group = named_group("s4")
    order = np.random.default_rng(3).permutation(24)
    again = with_known_labels(Group("x", np.argsort(order)[group.table[np.ix_(order, order)]]))
    values = np.random.default_rng(4).normal(size=(24, 2))
    np.testing.assert_allclose(
        again.basis.energy_per_block(again.basis.rows @ values[order]),
        group.basis.energy_per_block(group.basis.rows @ values),
        atol=1e-12,
    )


@pytest.mark.parametrize(
    "n, expected",
    [(7, [[7]]), (8, [[8], [2, 4], [2, 2, 2]]), (36, [[36], [3, 12], [2, 18], [6, 6]]), (1, [[]])],
)
def test_abelian_groups_of_an_order(n: int, expected: list[list[int]]) -> None:
    assert abelian_factors(n) == expected

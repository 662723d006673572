"""Characters against tables known from textbooks, and against the theorems that every group obeys."""

import numpy as np
import pytest

from grokking.groups.base import Group
from grokking.groups.families import named_group
from grokking.groups.isotypic import CharacterError, irreducible_characters, joined_pairs
from grokking.groups.table import ClassStructure

DEGREES = {
    "s3": [1, 1, 2],
    "s4": [1, 1, 2, 3, 3],
    "s5": [1, 1, 4, 4, 5, 5, 6],
    "s6": [1, 1, 5, 5, 5, 5, 9, 9, 10, 10, 16],
    "a4": [1, 1, 1, 3],
    "a5": [1, 3, 3, 4, 5],
    "a6": [1, 5, 5, 8, 8, 9, 10],
    "q8": [1, 1, 1, 1, 2],
    "q12": [1, 1, 1, 1, 2, 2],
    "d4": [1, 1, 1, 1, 2],
    "d59": [1, 1] + [2] * 29,
    "c118": [1] * 118,
    "c2xc2": [1] * 4,
    "s3xs3": [1, 1, 1, 1, 2, 2, 2, 2, 4],
}
S5_BY_CYCLES = {
    # Fulton and Harris, "Representation theory", section 3.1; columns (), (1 2), (1 2 3), (1 2 3 4),
    # (1 2 3 4 5), (1 2)(3 4), (1 2)(3 4 5).
    "trivial": [1, 1, 1, 1, 1, 1, 1],
    "sign": [1, -1, 1, -1, 1, 1, -1],
    "standard": [4, 2, 1, 0, -1, 0, -1],
    "standard ⊗ sign": [4, -2, 1, 0, -1, 0, 1],
    "5a": [5, 1, -1, -1, 0, 1, 1],
    "5b": [5, -1, -1, 1, 0, 1, -1],
    "6a": [6, 0, 0, 0, 1, -2, 0],
}
CYCLES = ["()", "(1 2)", "(1 2 3)", "(1 2 3 4)", "(1 2 3 4 5)", "(1 2)(3 4)", "(1 2)(3 4 5)"]


@pytest.mark.parametrize("name", DEGREES)
def test_degrees_are_those_of_the_textbooks(name: str) -> None:
    degrees = irreducible_characters(named_group(name).class_structure)[:, 0]
    assert degrees.tolist() == DEGREES[name]


@pytest.mark.parametrize("name", DEGREES)
def test_rows_and_columns_are_orthogonal(name: str) -> None:
    group = named_group(name)
    characters, sizes = irreducible_characters(group.class_structure), group.class_structure.sizes
    assert (characters[:, 0] ** 2).sum() == group.order
    rows = (characters * sizes) @ characters.conj().T / group.order
    np.testing.assert_allclose(rows, np.eye(len(rows)), atol=1e-12)
    columns = characters.conj().T @ characters
    np.testing.assert_allclose(columns, np.diag(group.order / sizes), atol=1e-9)


def test_the_characters_of_s5_are_exact_integers() -> None:
    group = named_group("s5")
    at = [group.elements.index(cycles) for cycles in CYCLES]
    values = dict(zip(group.basis.labels, group.block_characters[:, at].tolist(), strict=True))
    assert values == S5_BY_CYCLES


def test_a5_has_the_golden_ratio() -> None:
    group = named_group("a5")
    at = group.elements.index("(1 2 3 4 5)")
    values = [group.block_characters[group.basis.block_of(label), at] for label in ("3a", "3b")]
    np.testing.assert_allclose(sorted(values), [(1 - 5**0.5) / 2, (1 + 5**0.5) / 2], atol=1e-12)


def test_a_cyclic_group_given_by_its_table_has_roots_of_unity() -> None:
    structure = named_group("c6").class_structure
    characters = irreducible_characters(structure)
    roots = np.exp(2j * np.pi * np.outer(np.arange(6), structure.representatives) / 6)
    found = {tuple(np.round(values, 9) + 0) for values in characters}
    assert found == {tuple(np.round(values, 9) + 0) for values in roots}


@pytest.mark.parametrize("name, expected", [("a4", [1, 2, 1]), ("c5", [1, 2, 2]), ("q8", [1] * 5)])
def test_conjugate_characters_are_joined(name: str, expected: list[int]) -> None:
    structure = named_group(name).class_structure
    characters = irreducible_characters(structure)
    pairs = joined_pairs(characters, structure.sizes)
    assert [len(pair) for pair in pairs] == expected
    for pair in pairs:
        np.testing.assert_allclose(characters[pair[0]], characters[pair[-1]].conj(), atol=1e-12)


def test_characters_multiply_as_class_sums_do() -> None:
    group = named_group("s4")
    characters = irreducible_characters(group.class_structure)
    classes = group.classes
    central = characters * group.class_structure.sizes / characters[:, :1]
    for i, first in enumerate(classes):
        for j, second in enumerate(classes):
            products = group.class_of[group.table[np.ix_(first, second)]].ravel()
            sums = (central / group.class_structure.sizes)[:, products].sum(axis=1)
            np.testing.assert_allclose(central[:, i] * central[:, j], sums, atol=1e-9)


def test_a_table_that_is_no_group_has_no_characters() -> None:
    group = named_group("s3")
    broken = group.table.copy()
    broken[1:, 1:] = np.roll(broken[1:, 1:], 1, axis=0)
    structure = ClassStructure(broken, 0, group.inverses, group.element_orders, group.classes)
    with pytest.raises(CharacterError, match="no characters found for this table of order 6"):
        irreducible_characters(structure)


def test_the_order_of_characters_does_not_depend_on_the_order_of_elements() -> None:
    group = named_group("s5")
    shuffled = np.random.default_rng(1).permutation(group.order)
    table = np.argsort(shuffled)[group.table[np.ix_(shuffled, shuffled)]]
    again = Group("shuffled", table)
    np.testing.assert_array_equal(
        irreducible_characters(again.class_structure), irreducible_characters(group.class_structure)
    )

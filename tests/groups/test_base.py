"""A group by its table: identity, inverses, orders, classes; cyclic groups given either way agree."""

import sys

import numpy as np
import pytest

from grokking.groups.base import Group
from grokking.groups.basis import fourier_basis
from grokking.groups.cyclic import additive_group, multiplicative_group
from grokking.groups.families import named_group

KLEIN = [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]]
Z3_WITH_IDENTITY_LAST = [[1, 2, 0], [2, 0, 1], [0, 1, 2]]


def test_identity_and_inverses_are_found_wherever_they_are() -> None:
    group = Group("z3", np.array(Z3_WITH_IDENTITY_LAST))
    assert group.identity == 2
    assert group.inverses.tolist() == [1, 0, 2]
    assert group.element_orders.tolist() == [3, 3, 1]
    assert group.elements == ("0", "1", "2")
    assert repr(group) == "<Group z3 of order 3>"


def test_a_table_without_identity_is_no_group() -> None:
    with pytest.raises(ValueError, match="the table of broken has no identity"):
        _ = Group("broken", np.array([[1, 0], [1, 0]])).identity


def test_the_classes_of_s4_are_its_cycle_types() -> None:
    group = named_group("s4")
    assert [len(members) for members in group.classes] == [1, 3, 6, 8, 6]
    assert [group.element_orders[members[0]] for members in group.classes] == [1, 2, 2, 3, 4]
    double = [group.elements[x] for x in group.classes[1]]
    assert sorted(double) == ["(1 2)(3 4)", "(1 3)(2 4)", "(1 4)(2 3)"]
    for number, members in enumerate(group.classes):
        assert (group.class_of[members] == number).all()


@pytest.mark.parametrize(
    "name, pairs, abelian, cyclic",
    [
        ("s5", 840, False, False),
        ("d59", 3658, False, False),
        ("c118", 118**2, True, True),
        ("c2xc2", 16, True, False),
        ("c2xc3", 36, True, True),
        ("q8", 40, False, False),
    ],
)
def test_commuting_pairs_and_kind(name: str, pairs: int, abelian: bool, cyclic: bool) -> None:
    group = named_group(name)
    assert group.commuting_pairs == pairs == (group.table == group.table.T).sum()
    assert (group.is_abelian, group.is_cyclic) == (abelian, cyclic)


def test_only_cyclic_groups_have_logarithms() -> None:
    assert Group("z3", np.array(Z3_WITH_IDENTITY_LAST)).logarithms.tolist() == [1, 2, 0]
    with pytest.raises(ValueError, match="klein is not cyclic"):
        _ = Group("klein", np.array(KLEIN)).logarithms


@pytest.mark.parametrize("n", [2, 3, 8, 15])
def test_the_table_of_a_cyclic_group_gives_the_fourier_basis_to_the_last_bit(n: int) -> None:
    group = Group("table", additive_group(n).table)
    assert group.basis.rows.tobytes() == fourier_basis(n).rows.tobytes()
    assert group.basis.labels == fourier_basis(n).labels


def test_the_waves_of_a_renamed_cyclic_group_follow_its_elements() -> None:
    group = Group("z3", np.array(Z3_WITH_IDENTITY_LAST))
    np.testing.assert_array_equal(group.basis.rows, fourier_basis(3).rows[:, [1, 2, 0]])
    np.testing.assert_allclose(group.block_characters, [[1, 1, 1], [-1, -1, 2]], atol=1e-12)


@pytest.mark.parametrize("group", [additive_group(10), additive_group(113), multiplicative_group(11)])
def test_a_cyclic_group_says_what_its_table_says(group: Group) -> None:
    same = Group("table", group.table)
    assert (group.order, group.identity) == (same.order, same.identity)
    np.testing.assert_array_equal(group.inverses, same.inverses)
    np.testing.assert_array_equal(group.element_orders, same.element_orders)
    np.testing.assert_array_equal(np.concatenate(group.classes), np.concatenate(same.classes))
    np.testing.assert_array_equal(group.class_of, same.class_of)
    np.testing.assert_array_equal(group.logarithms, same.logarithms)
    np.testing.assert_array_equal(group.block_characters, same.block_characters)
    assert group.basis is fourier_basis(group.order)
    assert (group.is_cyclic, group.is_abelian) == (True, True)
    assert group.commuting_pairs == group.order**2


def test_residues_under_multiplication_are_added_by_index() -> None:
    group = multiplicative_group(7)
    assert group.elements == ("1", "3", "2", "6", "4", "5")
    assert (group.title, additive_group(7).title) == ("Z_7*", "Z_7")
    for i, x in enumerate(group.members):
        for j, y in enumerate(group.members):
            assert group.members[group.table[i, j]] == x * y % 7


def test_a_large_cyclic_group_builds_no_table_for_its_basics() -> None:
    group = additive_group(9973)
    assert (group.order, group.identity, group.is_cyclic, group.commuting_pairs) == (9973, 0, True, 9973**2)
    assert len(group.elements) == len(group.inverses) == 9973
    assert "table" not in vars(group)
    assert sum(sys.getsizeof(value) for value in vars(group).values()) < 2**22


def test_the_table_of_a_group_cannot_be_altered() -> None:
    for group in (named_group("s3"), additive_group(5)):
        with pytest.raises(ValueError, match="read-only"):
            group.table[0, 0] = 1

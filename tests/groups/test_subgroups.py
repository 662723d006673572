"""Subgroups and cosets of small groups, listed by hand."""

import numpy as np
import pytest

from grokking.groups.families import named_group
from grokking.groups.recognise import (
    all_subgroups,
    conjugates,
    coset_numbers,
    cosets,
    cyclic_subgroups,
    subgroup_generated_by,
)


def test_generated_subgroups_of_s4() -> None:
    group = named_group("s4")

    def size(*cycles: str) -> int:
        return len(subgroup_generated_by(group, [group.elements.index(c) for c in cycles]))

    assert size() == 1
    assert size("(1 2)(3 4)") == 2
    assert size("(1 2)(3 4)", "(1 3)(2 4)") == 4
    assert size("(1 2 3)", "(1 2)(3 4)") == 12
    assert size("(1 2)", "(1 2 3 4)") == 24


@pytest.mark.parametrize(
    "name, orders", [("c12", [1, 2, 3, 4, 6, 12]), ("s3", [1, 2, 2, 2, 3]), ("q8", [1, 2, 4, 4, 4])]
)
def test_cyclic_subgroups(name: str, orders: list[int]) -> None:
    assert [len(members) for members in cyclic_subgroups(named_group(name))] == orders


def test_left_and_right_cosets_of_a_reflection() -> None:
    group = named_group("d3")
    subgroup = subgroup_generated_by(group, [group.elements.index("s")])

    def named(rows: np.ndarray) -> list[list[str]]:
        return [[group.elements[x] for x in row] for row in rows]

    assert named(cosets(group, subgroup)) == [["1", "s"], ["r", "r s"], ["r^2", "r^2 s"]]
    assert named(cosets(group, subgroup, "right")) == [["1", "s"], ["r", "r^2 s"], ["r^2", "r s"]]


def test_cosets_of_a_normal_subgroup_are_the_same_on_both_sides() -> None:
    group = named_group("s5")
    even = subgroup_generated_by(group, [group.elements.index(c) for c in ("(1 2 3)", "(1 2 3 4 5)")])
    assert len(even) == 60
    np.testing.assert_array_equal(cosets(group, even), cosets(group, even, "right"))


def test_what_is_no_subgroup_and_no_side_is_refused() -> None:
    group = named_group("s3")
    with pytest.raises(ValueError, match="the 2 elements given are no subgroup of s3"):
        cosets(group, np.array([0, 3]))
    with pytest.raises(ValueError, match="side is 'left' or 'right', not 'both'"):
        cosets(group, np.array([0]), "both")


@pytest.mark.parametrize(("name", "count"), [("q8", 6), ("d6", 16), ("s4", 30), ("a5", 59), ("c12", 6)])
def test_every_subgroup_is_found_once(name: str, count: int) -> None:
    group = named_group(name)
    found = all_subgroups(group)
    assert len(found) == count == len({tuple(h.tolist()) for h in found})
    for h in found:
        assert np.isin(group.table[np.ix_(h, h)], h).all()


def test_conjugates_of_a_point_stabiliser_are_those_of_all_points() -> None:
    group = named_group("s4")
    stabiliser = next(h for h in all_subgroups(group) if len(h) == 6)
    assert conjugates(group, stabiliser).shape == (4, 6)


def test_coset_numbers_say_which_row_of_cosets_holds_an_element() -> None:
    group = named_group("s3")
    h = all_subgroups(group)[1]
    for side in ("left", "right"):
        numbers, rows = coset_numbers(group, h, side), cosets(group, h, side)
        assert all(x in rows[numbers[x]] for x in range(6))

"""Planes in blocks: orbits of a point under a two-dimensional representation."""

import numpy as np
import pytest

from grokking.groups.families import named_group
from grokking.groups.planes import phases, planes_of


@pytest.mark.parametrize(("name", "label"), [("s3", "standard"), ("d7", "2"), ("q12", "2a"), ("s4", "2a")])
def test_a_two_dimensional_real_representation_has_two_planes_that_translations_keep(
    name: str, label: str
) -> None:
    group = named_group(name)
    planes = planes_of(group, group.basis.block_of(label))
    assert len(planes) == 2
    for plane in planes:
        for y in range(group.order):
            moved = plane[:, group.table[y]]
            assert np.allclose(moved @ plane.T @ plane, moved)
        assert np.allclose(np.linalg.norm(plane, axis=0), (2 / group.order) ** 0.5)  # one circle


def test_rotations_of_a_dihedral_group_stand_k_steps_apart_and_reflections_with_them() -> None:
    group = named_group("d7")
    turns = phases(planes_of(group, group.basis.block_of("2"))[0])
    steps = np.diff(turns[:7]) % 1  # r^i is element i
    assert np.allclose(steps, steps[0])
    assert min(steps[0], 1 - steps[0]) == pytest.approx(2 / 7)
    assert sorted(turns[:7]) == pytest.approx(sorted(turns[7:]))


def test_a_pair_of_complex_characters_of_degree_one_is_one_plane() -> None:
    group = named_group("a4")
    (plane,) = planes_of(group, group.basis.block_of("1a"))
    assert sorted(np.unique(phases(plane))) == pytest.approx([0, 1 / 3, 2 / 3])


@pytest.mark.parametrize(("name", "label"), [("q8", "2a"), ("s4", "standard"), ("s3", "sign"), ("s5", "5a")])
def test_quaternionic_and_higher_blocks_and_signs_have_none(name: str, label: str) -> None:
    group = named_group(name)
    assert planes_of(group, group.basis.block_of(label)) == []

"""How permutations are written, and groups of them."""

import numpy as np
import pytest

from grokking.groups.families import cycle_notation, permutation_group


@pytest.mark.parametrize(
    "images, written",
    [([0, 1, 2], "()"), ([1, 2, 0, 3], "(1 2 3)"), ([1, 0, 3, 2], "(1 2)(3 4)"), ([0, 3, 2, 1], "(2 4)")],
)
def test_cycles_are_written_from_one(images: list[int], written: str) -> None:
    assert cycle_notation(np.array(images)) == written


def test_the_rotations_of_a_triangle() -> None:
    group = permutation_group("turns", np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1]]))
    assert group.table.tolist() == [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
    assert group.elements == ("()", "(1 2 3)", "(1 3 2)")
    assert group.title == "TURNS"

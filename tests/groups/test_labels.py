"""Names of blocks: sign, standard, frequencies of dihedral groups, letters for the rest."""

import numpy as np
import pytest

from grokking.groups.families import named_group
from grokking.groups.labels import letters


@pytest.mark.parametrize(
    "name, labels",
    [
        ("s3", "trivial, sign, standard"),
        ("s4", "trivial, sign, 2a, standard, standard ⊗ sign"),
        ("s5", "trivial, sign, standard, standard ⊗ sign, 5a, 5b, 6a"),
        ("a4", "trivial, 1a, standard"),
        ("a5", "trivial, 3a, 3b, standard, 5a"),
        ("d5", "trivial, sign, 1, 2"),
        ("d6", "trivial, sign, sign b, sign c, 1, 2"),
        ("q8", "trivial, sign, sign b, sign c, 2a"),
        ("c2xc4", "trivial, sign, sign b, sign c, 1a, 1b"),
        ("c6", "trivial, 1, 2, 3"),
    ],
)
def test_labels_of_known_groups(name: str, labels: str) -> None:
    assert ", ".join(named_group(name).basis.labels) == labels


def test_a_dihedral_block_k_turns_k_times_as_the_rotation_turns_once() -> None:
    basis = named_group("d59").basis
    assert basis.labels == ("trivial", "sign", *(str(k) for k in range(1, 30)))
    for k in (2, 5, 21):
        rotations = basis.rows[basis.rows_of(basis.block_of(str(k))), :59]
        energy = (np.abs(np.fft.rfft(rotations)) ** 2).sum(axis=0)
        assert energy.argmax() == k
        assert energy[k] == pytest.approx(energy.sum())


def test_the_sign_of_a_dihedral_group_tells_reflections_from_rotations() -> None:
    group = named_group("d6")
    sign = group.block_characters[group.basis.block_of("sign")]
    assert sign.tolist() == [1] * 6 + [-1] * 6


def test_the_standard_character_counts_fixed_points() -> None:
    group = named_group("s5")
    standard = group.block_characters[group.basis.block_of("standard")]
    assert standard[group.elements.index("(1 2)")] == 3 - 1
    assert standard[group.elements.index("()")] == 5 - 1


def test_ascii_labels() -> None:
    assert [block.ascii_label for block in named_group("s4").basis.blocks] == [
        "trivial",
        "sign",
        "2a",
        "standard",
        "standard_sign",
    ]
    assert named_group("q8").basis.blocks[2].ascii_label == "sign_b"


@pytest.mark.parametrize("number, expected", [(0, "a"), (25, "z"), (26, "aa"), (701, "zz"), (702, "aaa")])
def test_letters_go_on_after_z(number: int, expected: str) -> None:
    assert letters(number) == expected


def test_the_signs_of_a_large_elementary_group_are_in_the_order_of_their_letters() -> None:
    labels = named_group("c2xc2xc2xc2xc2").basis.labels
    assert labels[1:4] == ("sign", "sign b", "sign c")
    assert labels[26:29] == ("sign z", "sign aa", "sign ab")

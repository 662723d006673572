"""Projectors and bases of the blocks: idempotent, complete, invariant under the group, the waves of Z_n."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grokking.groups.base import Group
from grokking.groups.basis import fourier_basis
from grokking.groups.families import named_group
from grokking.groups.isotypic import isotypic_basis, projector, real_characters
from grokking.groups.labels import LabelHints

NAMES = ["s3", "s4", "s5", "a4", "a5", "q8", "q12", "d4", "d59", "c2xc4", "c3xc3", "s3xc2"]


def projectors(group: Group) -> list[np.ndarray]:
    quotients = group.table[:, group.inverses]
    return [
        projector(values, block.degree, quotients)
        for values, block in zip(group.block_characters, group.basis.blocks, strict=True)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_projectors_are_idempotent_and_add_up_to_one(name: str) -> None:
    found = projectors(named_group(name))
    for matrix in found:
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
        np.testing.assert_allclose(matrix @ matrix, matrix, atol=1e-12)
    # Projectors that add up to one are orthogonal to each other.
    np.testing.assert_allclose(sum(found), np.eye(len(found[0])), atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_of_a_block_span_the_range_of_its_projector(name: str) -> None:
    group = named_group(name)
    basis = group.basis
    np.testing.assert_allclose(basis.rows @ basis.rows.T, np.eye(group.order), atol=1e-12)
    for block, matrix in zip(basis.blocks, projectors(group), strict=True):
        rows = basis.rows[block.rows]
        np.testing.assert_allclose(rows.T @ rows, matrix, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_block_is_the_constant_and_blocks_fill_the_rows(name: str) -> None:
    group = named_group(name)
    np.testing.assert_allclose(group.basis.rows[0], group.order**-0.5)
    owned = [row for block in group.basis.blocks for row in range(*block.rows.indices(group.order))]
    assert owned == list(range(group.order))


@pytest.mark.parametrize(
    "name, sizes", [("s5", [1, 1, 16, 16, 25, 25, 36]), ("a4", [1, 2, 9]), ("q8", [1, 1, 1, 1, 4])]
)
def test_a_block_has_d_squared_rows_and_a_joined_pair_twice_as_many(name: str, sizes: list[int]) -> None:
    assert [block.size for block in named_group(name).basis.blocks] == sizes


@pytest.mark.parametrize("name", ["s4", "d5", "c2xc4"])
def test_the_first_row_of_a_block_is_its_character(name: str) -> None:
    group = named_group(name)
    for block, values in zip(group.basis.blocks, group.block_characters, strict=True):
        row = group.basis.rows[block.rows.start]
        np.testing.assert_allclose(row, values / np.linalg.norm(values), atol=1e-12)


def test_blocks_stay_where_they_are_when_the_group_acts() -> None:
    group = named_group("s4")
    for block in group.basis.blocks:
        rows = group.basis.rows[block.rows]
        for moved in (rows[:, group.table[5]], rows[:, group.table[:, 5]]):
            np.testing.assert_allclose(moved @ rows.T @ rows, moved, atol=1e-12)


@pytest.mark.parametrize("n", [2, 5, 12])
def test_characters_of_a_cyclic_group_span_the_same_blocks_as_the_waves(n: int) -> None:
    structure = named_group(f"c{n}").class_structure
    basis = isotypic_basis(structure, real_characters(structure, LabelHints()))
    waves = fourier_basis(n)
    found = [basis.rows[b.rows].T @ basis.rows[b.rows] for b in basis.blocks]
    for block in waves.blocks:
        expected = waves.rows[block.rows].T @ waves.rows[block.rows]
        assert sum(np.abs(matrix - expected).max() < 1e-12 for matrix in found) == 1


def test_the_basis_of_a_group_cannot_be_altered() -> None:
    with pytest.raises(ValueError, match="read-only"):
        named_group("s3").basis.rows[0, 0] = 1


def test_the_largest_symmetric_group_has_a_basis_of_720_rows() -> None:
    group = named_group("s6")
    assert group.basis.rows.shape == (720, 720)
    np.testing.assert_allclose(group.basis.rows @ group.basis.rows.T, np.eye(720), atol=1e-12)
    assert sum(block.size for block in group.basis.blocks) == 720


def test_the_basis_has_the_same_bits_for_any_number_of_threads() -> None:
    code = (
        "import hashlib; from grokking.groups.families import named_group; "
        "print([hashlib.sha256(named_group(g).basis.rows).hexdigest() for g in ('s5', 'd59', 'c2xc4')])"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OPENBLAS_CORETYPE": processor},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            check=True,
            timeout=120,
        ).stdout
        for threads, processor in (("1", "Haswell"), ("4", "Sandybridge"))
    }
    assert len(seen) == 1

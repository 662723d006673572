"""Blocks of a basis: looked up by number or label, energies, and the Fourier basis as a special case."""

import numpy as np
import pytest

from grokking.errors import UserError
from grokking.groups.basis import Block, BlockBasis, fourier_basis
from grokking.groups.families import named_group

THREE = BlockBasis(
    np.eye(4),
    (
        Block("trivial", 1, slice(0, 1)),
        Block("sign", 1, slice(1, 2)),
        Block("standard ⊗ sign", 1, slice(2, 4)),
    ),
)


def test_energies_add_up_within_a_block_and_leave_the_trivial_one_out() -> None:
    assert THREE.energy_per_block(np.array([7.0, 1.0, 2.0, 3.0])).tolist() == [1.0, 13.0]
    columns = np.array([[7.0, 0.0], [1.0, 0.0], [2.0, 1.0], [3.0, 1.0]])
    assert THREE.energy_per_block(columns).tolist() == [[1.0, 0.0], [13.0, 2.0]]


def test_a_block_is_found_by_number_and_by_either_label() -> None:
    assert THREE.rows_of(2) == slice(2, 4)
    assert THREE.block_of("standard ⊗ sign") == THREE.block_of("standard_sign") == 2
    assert (THREE.n, THREE.n_blocks, THREE.blocks[2].size) == (4, 3, 2)


@pytest.mark.parametrize("block", [-1, 3])
def test_a_block_that_does_not_exist_is_refused(block: int) -> None:
    with pytest.raises(ValueError, match=f"block {block} is not in 0 … 2"):
        THREE.rows_of(block)


def test_an_unknown_label_is_answered_with_those_that_exist() -> None:
    with pytest.raises(UserError, match="no block is labelled '5a'; the labels are trivial, sign, standard"):
        THREE.block_of("5a")


@pytest.mark.parametrize("n", [2, 5, 6])
def test_blocks_of_a_fourier_basis_are_its_frequencies(n: int) -> None:
    basis = fourier_basis(n)
    assert basis.labels == ("trivial", *(str(k) for k in basis.frequencies))
    assert [block.rows for block in basis.blocks] == [basis.rows_of(k) for k in range(n // 2 + 1)]


@pytest.mark.parametrize("n", [2, 7, 12, 113])
def test_energies_of_frequencies_are_those_of_blocks_to_the_last_bit(n: int) -> None:
    basis = fourier_basis(n)
    coefficients = np.random.default_rng(0).normal(size=(n, 3))
    general = BlockBasis(basis.rows, basis.blocks).energy_per_block(coefficients)
    assert general.tobytes() == basis.energy_per_block(coefficients).tobytes()
    assert general.tobytes() == basis.energy_per_frequency(coefficients).tobytes()


@pytest.mark.parametrize("size", [(6,), (6, 3), (6, 2, 2)])
def test_the_transform_of_any_group_is_the_product_with_the_rows(size: tuple[int, ...]) -> None:
    basis = named_group("s3").basis
    values = np.random.default_rng(0).normal(size=size)
    expected = np.tensordot(basis.rows, values, 1)
    np.testing.assert_allclose(basis.transform(values), expected, rtol=1e-12, atol=1e-12)

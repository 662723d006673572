"""Orthonormal bases of the real functions on a finite group, cut into labelled blocks.

A block is the space that belongs to one irreducible character, or to a pair of complex-conjugate ones. For
a cyclic group the blocks are {1}, {cos ω_1, sin ω_1}, {cos ω_2, sin ω_2}, … ("Fourier basis of Z_n" and "Any
finite group" in the definitions).

Even n is an ordinary case: k = n/2 has a cosine and no sine (definitions, "Fourier basis of Z_n").
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Float64, Int64

from grokking.errors import UserError

if TYPE_CHECKING:
    # PyTorch takes seconds to import; ``grokking --help`` must not wait for it.
    import torch


@dataclass(frozen=True)
class Block:
    """One block of a basis.

    label: "trivial", "sign", "standard", "standard ⊗ sign", a frequency as "17", or "5a".
    degree: degree d of the irreducible character; a block of a real character has d² rows, one of a pair of
    complex-conjugate characters 2·d².  rows: where the block's rows lie in the basis.
    """

    label: str
    degree: int
    rows: slice

    @property
    def ascii_label(self) -> str:
        """The label for file and column names: ``standard ⊗ sign`` becomes ``standard_sign``."""
        return self.label.replace(" ⊗ ", "_").replace(" ", "_")

    @property
    def size(self) -> int:
        """Number of rows, which is the dimension of the block."""
        return int(self.rows.stop - self.rows.start)


@dataclass(frozen=True, eq=False)
class BlockBasis:
    """Orthonormal rows over the n elements of a group, block after block.

    rows: float64 [n, n], C-contiguous, read-only; column x belongs to the element with index x.
    blocks: all of them in the order of their rows; ``blocks[0]`` is the trivial one, the constant function.
    """

    rows: Float64[np.ndarray, "n n"]
    blocks: tuple[Block, ...]

    @property
    def n(self) -> int:
        """Order of the group."""
        return len(self.rows)

    @property
    def n_blocks(self) -> int:
        """Number of blocks, the trivial one included."""
        return len(self.blocks)

    @property
    def paired_frequencies(self) -> range:
        """Blocks {cos, sin}, in whose planes tokens lie on circles: only cyclic groups have such."""
        return range(0)

    @property
    def labels(self) -> tuple[str, ...]:
        """The label of each block, the trivial one first."""
        return tuple(block.label for block in self.blocks)

    @cached_property
    def tensor(self) -> "torch.Tensor":
        """``rows`` as float64 tensor [n, n] with memory of its own; not to be changed."""
        import torch

        return torch.from_numpy(self.rows.copy())

    def rows_of(self, block: int) -> slice:
        """Where the rows of block number ``block`` lie; 0 is the trivial block.

        Raises ValueError outside 0 … n_blocks - 1.
        """
        if not 0 <= block < self.n_blocks:
            raise ValueError(f"block {block} is not in 0 … {self.n_blocks - 1}")
        return self.blocks[block].rows

    def block_of(self, label: str) -> int:
        """The number of the block with that label, in its usual or its ASCII form.

        Raises UserError, with the labels that exist, for any other.
        """
        for number, block in enumerate(self.blocks):
            if label in (block.label, block.ascii_label):
                return number
        raise UserError(f"no block is labelled {label!r}; the labels are {', '.join(self.labels)}")

    def transform(self, values: Float64[np.ndarray, "n *columns"]) -> Float64[np.ndarray, "n *columns"]:
        """Coefficients ``rows @ values`` of float64 [n, …], the same shape.

        By PyTorch, so that one thread count rules all products of this project.
        """
        import torch

        flat = torch.from_numpy(np.ascontiguousarray(values).reshape(self.n, -1))
        return np.asarray((self.tensor @ flat).numpy().reshape(values.shape))

    def energy_per_block(
        self, coefficients: Float[np.ndarray, "n *columns"]
    ) -> Float[np.ndarray, "blocks *columns"]:
        """Sums of squares: [n, …] coefficients to [n_blocks - 1, …].

        The trivial block is left out: entry i belongs to block i + 1.
        """
        return np.add.reduceat(coefficients[1:] ** 2, self.starts[1:] - 1, axis=0)

    @cached_property
    def starts(self) -> Int64[np.ndarray, "n_blocks"]:
        """int64 [n_blocks]: the first row of each block."""
        return np.array([block.rows.start for block in self.blocks], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class FourierBasis(BlockBasis):
    """Orthonormal rows over 0 … n - 1: the constant, then cosine and sine of each frequency.

    Block k is frequency k, labelled "k"; block 0 is the constant.
    """

    @property
    def frequencies(self) -> range:
        """1 … ⌊n/2⌋."""
        return range(1, self.n // 2 + 1)

    @property
    def paired_frequencies(self) -> range:
        """The frequencies that have both a cosine and a sine: k < n/2."""
        return range(1, (self.n - 1) // 2 + 1)

    def rows_of(self, block: int) -> slice:
        """Where the rows of frequency ``block`` lie: two of them, one for k = n/2; k = 0 the constant.

        Raises ValueError outside 0 … ⌊n/2⌋.
        """
        if not 0 <= block <= self.n // 2:
            raise ValueError(f"frequency {block} is not in 0 … {self.n // 2} of Z_{self.n}")
        return frequency_rows(self.n, block)

    def energy_per_block(
        self, coefficients: Float[np.ndarray, "n *columns"]
    ) -> Float[np.ndarray, "n//2 *columns"]:
        """Sum squares of cosine and sine: [n, …] coefficients to [⌊n/2⌋, …], row 0 being k = 1."""
        squares = coefficients[1:] ** 2
        if self.n % 2 == 0:
            # The cosine of k = n/2 has no sine; zeros take its place.
            squares = np.concatenate([squares, np.zeros_like(squares[:1])])
        return squares.reshape(-1, 2, *squares.shape[1:]).sum(axis=1)

    def energy_per_frequency(
        self, coefficients: Float[np.ndarray, "n *columns"]
    ) -> Float[np.ndarray, "n//2 *columns"]:
        """``energy_per_block`` under the name that it has for cyclic groups."""
        return self.energy_per_block(coefficients)


def frequency_rows(n: int, k: int) -> slice:
    """Where the rows of frequency ``k`` lie in the Fourier basis of Z_n, for k in 0 … ⌊n/2⌋."""
    return slice(0, 1) if k == 0 else slice(2 * k - 1, min(2 * k + 1, n))


def fourier_blocks(n: int) -> tuple[Block, ...]:
    """The trivial block, then one for each frequency 1 … ⌊n/2⌋, labelled by it."""
    labels = ["trivial", *(str(k) for k in range(1, n // 2 + 1))]
    return tuple(Block(label, 1, frequency_rows(n, k)) for k, label in enumerate(labels))


@lru_cache
def fourier_basis(n: int) -> FourierBasis:
    """The basis of Z_n, n ≥ 2.

    >>> fourier_basis(4).rows.shape, fourier_basis(4).rows_of(2)
    ((4, 4), slice(3, 4, None))
    """
    if n < 2:
        raise ValueError(f"a Fourier basis needs n >= 2, not {n}")
    x = np.arange(n)
    rows = [np.full(n, n**-0.5)]
    for k in range(1, n // 2 + 1):
        # k·x is reduced mod n first, so that large products lose no digits.
        angle = 2 * np.pi * (k * x % n) / n
        if 2 * k == n:
            rows.append(np.cos(angle) * n**-0.5)
        else:
            rows += [np.cos(angle) * (2 / n) ** 0.5, np.sin(angle) * (2 / n) ** 0.5]
    basis = np.ascontiguousarray(rows)
    basis.setflags(write=False)
    return FourierBasis(basis, fourier_blocks(n))


def fourier_basis_in_order(logarithms: Int64[np.ndarray, "n"]) -> FourierBasis:
    """The basis of a cyclic group whose element x is the generator to the power ``logarithms[x]``, int64 [n].

    With ``logarithms`` = 0 … n - 1 the rows are those of ``fourier_basis`` to the last bit.
    """
    basis = fourier_basis(len(logarithms))
    rows = np.ascontiguousarray(basis.rows[:, logarithms])
    rows.setflags(write=False)
    return FourierBasis(rows, basis.blocks)

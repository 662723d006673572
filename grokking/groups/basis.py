"""An orthonormal basis of the real functions on a finite group, cut into labelled blocks.

A block is the space that belongs to one irreducible character, or to a pair of complex-conjugate ones. For
a cyclic group the blocks are {1}, {cos ω_1, sin ω_1}, {cos ω_2, sin ω_2}, … ("Fourier basis of Z_n" and "Any
finite group" in the definitions).
"""

from dataclasses import dataclass
from functools import cached_property
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

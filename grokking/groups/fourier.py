"""The real Fourier basis of Z_n, with its rows looked up by frequency.

Even n is an ordinary case: k = n/2 has a cosine and no sine (definitions, "Fourier basis of Z_n").
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float, Int64

from grokking.groups.basis import Block, BlockBasis


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

"""The real Fourier basis of Z_n, with its rows looked up by frequency.

Even n is an ordinary case: k = n/2 has a cosine and no sine (definitions, "Fourier basis of Z_n").
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class FourierBasis:
    """Orthonormal rows over 0 … n - 1: the constant, then cosine and sine of each frequency.

    n: group order.  rows: float64 [n, n], C-contiguous, read-only.
    """

    n: int
    rows: np.ndarray

    @cached_property
    def tensor(self) -> Tensor:
        """``rows`` as float64 tensor [n, n] with memory of its own; not to be changed."""
        return torch.from_numpy(self.rows.copy())

    @property
    def frequencies(self) -> range:
        """1 … ⌊n/2⌋."""
        return range(1, self.n // 2 + 1)

    @property
    def paired_frequencies(self) -> range:
        """The frequencies that have both a cosine and a sine: k < n/2."""
        return range(1, (self.n - 1) // 2 + 1)

    def rows_of(self, k: int) -> slice:
        """Where the rows of frequency ``k`` lie: two of them, one for k = n/2; k = 0 the constant.

        Raises ValueError outside 0 … ⌊n/2⌋.
        """
        if not 0 <= k <= self.n // 2:
            raise ValueError(f"frequency {k} is not in 0 … {self.n // 2} of Z_{self.n}")
        return slice(0, 1) if k == 0 else slice(2 * k - 1, min(2 * k + 1, self.n))

    def transform(self, values: np.ndarray) -> np.ndarray:
        """Coefficients ``rows @ values`` of float64 [n, …], the same shape.

        By PyTorch, so that one thread count rules all products of this project.
        """
        flat = torch.from_numpy(np.ascontiguousarray(values).reshape(self.n, -1))
        return np.asarray((self.tensor @ flat).numpy().reshape(values.shape))

    def energy_per_frequency(self, coefficients: np.ndarray) -> np.ndarray:
        """Sum squares of cosine and sine: [n, …] coefficients to [⌊n/2⌋, …], row 0 being k = 1."""
        squares = coefficients[1:] ** 2
        if self.n % 2 == 0:
            # The lone cosine of k = n/2 gets an empty sine beside it.
            squares = np.concatenate([squares, np.zeros_like(squares[:1])])
        return squares.reshape(-1, 2, *squares.shape[1:]).sum(axis=1)


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
    return FourierBasis(n, basis)

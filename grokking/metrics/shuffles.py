"""The shuffles behind every null: a basis with its columns permuted; seeded, so that nulls repeat."""

from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from grokking.groups.basis import BlockBasis

N_SHUFFLES = 200
NULL_QUANTILE = 0.95
NULL_SEED = 0
LARGEST_HELD = 256
"""Order of a group up to which all its shuffled bases stay in memory, 52 MB at most."""


class ShuffledBasis:
    """The rows of a basis with their columns shuffled; the same shuffles serve every null of this project.

    ``shuffled[first:beyond]`` is float32 [beyond - first, n, n], not to be changed.
    """

    def __init__(self, basis: BlockBasis, n_shuffles: int = N_SHUFFLES) -> None:
        self.basis, self.n_shuffles = basis, n_shuffles

    def __getitem__(self, some: slice) -> Float32[Tensor, "shuffles n n"]:
        """A few shuffles."""
        if self.basis.n <= LARGEST_HELD:
            return _all_shuffled(self.basis, self.n_shuffles)[some]
        return _shuffled(self.basis, permutations_of(self.basis.n, self.n_shuffles)[some])


@lru_cache(maxsize=8)
def permutations_of(n: int, n_shuffles: int) -> Int64[np.ndarray, "n_shuffles n"]:
    """Seeded permutations of 0 … n - 1: int64 [n_shuffles, n]."""
    generator = np.random.default_rng(NULL_SEED)
    return np.array([generator.permutation(n) for _ in range(n_shuffles)])


@lru_cache(maxsize=8)
def _all_shuffled(basis: BlockBasis, n_shuffles: int) -> Float32[Tensor, "n_shuffles n n"]:
    return _shuffled(basis, permutations_of(basis.n, n_shuffles))


def _shuffled(
    basis: BlockBasis, permutations: Int64[np.ndarray, "shuffles n"]
) -> Float32[Tensor, "shuffles n n"]:
    rows = basis.rows.astype(np.float32)
    return torch.from_numpy(np.stack([rows[:, permutation] for permutation in permutations]))

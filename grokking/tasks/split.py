"""Which pairs are trained on: drawn from the seed, the same share of every operation."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokking.errors import UserError
from grokking.portable_random import portable_order
from grokking.tasks.base import Task


@dataclass(frozen=True)
class Split:
    """Row numbers of a task's pairs, int64, increasing: what is trained on and what is held out.

    Rows that no network may train on (of kinematics) are in neither.
    """

    train: np.ndarray
    test: np.ndarray

    @classmethod
    def from_train(cls, rows: Sequence[int] | np.ndarray, n_pairs: int) -> "Split":
        """Trained on the given rows of 0 … n_pairs - 1, in any order, and tested on all others."""
        chosen = np.zeros(n_pairs, dtype=bool)
        chosen[rows] = True
        return cls(np.flatnonzero(chosen), np.flatnonzero(~chosen))


def draw_split(task: Task, train_frac: float, seed: int, scheme: str = "standard") -> Split:
    """The rows trained on: the same share, ⌊train_frac · N⌋, of every operation's candidates.

    scheme: how the order is drawn, one of the ``init_scheme`` values of a config.
    Raises UserError if one operation would be left without a train or without a test pair.
    """
    train, test = [], []
    for i, name in enumerate(task.names):
        rows = task.candidates(i)
        n_train = int(train_frac * len(rows))
        if not 0 < n_train < len(rows):
            raise UserError(
                f"train_frac {train_frac} leaves no pair to "
                f"{'train' if n_train == 0 else 'test'} on among the {len(rows)} of {name}"
            )
        order = _order(len(rows), seed, i, scheme)
        train.append(rows[order[:n_train]])
        test.append(rows[order[n_train:]])
    return Split(np.sort(np.concatenate(train)), np.sort(np.concatenate(test)))


def _order(n: int, seed: int, operation: int, scheme: str) -> np.ndarray:
    """A permutation of 0 … n - 1; the first entries become the train pairs."""
    if scheme == "nanda":
        order = list(range(n))
        random.Random(seed + operation).shuffle(order)
        return np.array(order)
    if scheme == "portable":
        return portable_order(seed, operation, n)
    if scheme != "standard":
        raise UserError(f"unknown init_scheme {scheme!r}; known: standard, nanda, portable")
    import torch  # here, since a help text needs tasks and not PyTorch

    # Odd, so that no split shares its stream with the weights of any seed; further operations get
    # a mixture, since PyTorch's generator reads no more than 32 bits.
    own = 2 * seed + 1
    if operation:
        own = int(np.random.SeedSequence([seed, operation]).generate_state(1)[0])
    generator = torch.Generator().manual_seed(own)
    return torch.randperm(n, generator=generator).numpy()

"""Restricted and excluded loss: the logits of the key frequencies alone, and the logits without them.

Definitions, "Logits"; Nanda et al. 2023 (arXiv 2301.05217), section 5.1.

The projection P_K sees a pair (a, b) only through its answer index s, so everything starts from
``table``, float64 [n, n]: the logits averaged over the pairs of equal s, rows by s, columns by the
answer class in group order. Pairs and classes outside the group are left out throughout.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from grokking.engines.outputs import losses_and_correct
from grokking.groups.fourier import fourier_basis
from grokking.metrics.activations import ActivationCache
from grokking.tasks.pairs import GroupGrid
from grokking.tasks.split import Split

PARTS = ("", "_train", "_test")
"""Suffixes of a loss over all pairs of the group, over those trained on, over those held out."""
CHUNK = 1024
"""Pairs at a time where the logits are held in float64."""
LossRow = dict[str, float | None]


def project(table: np.ndarray, frequencies: Sequence[int]) -> np.ndarray:
    """P_K of the logits, as the table [n, n] that holds its row for every answer index.

    A frequency that is named twice counts once; k = n/2 has a cosine only.
    """
    kept = waves(len(table), frequencies)
    return np.asarray(kept.T @ (kept @ table))


def waves(n: int, frequencies: Sequence[int]) -> np.ndarray:
    """The Fourier basis' rows of some frequencies, 0 being the constant: float64 [at most 2 each, n]."""
    basis = fourier_basis(n)
    # Looked up by frequency, so that the lone row of k = n/2 needs no case of its own.
    rows = [basis.rows[basis.rows_of(k)] for k in sorted(set(frequencies))]
    return np.concatenate(rows) if rows else np.empty((0, n))


def restricted_losses(table: np.ndarray, frequencies: Sequence[int]) -> np.ndarray:
    """Cross-entropy, in nats, of P_K L + mean L, float64 [n] by answer index.

    Pairs of equal s share one row of logits, so n losses say it for all n² pairs.
    """
    logits = project(table, frequencies) + table.mean(axis=0)
    return cross_entropy(torch.from_numpy(logits), np.arange(len(table)))


def excluded_loss(
    logits: Tensor, s: np.ndarray, table: np.ndarray, frequencies: Sequence[int]
) -> float | None:
    """Mean cross-entropy, in nats, of L - P_K L over the given pairs; None if there are none.

    logits: [N, n] of these pairs.  s: int64 [N], their answer indices.  table: of all pairs.
    """
    removed = torch.from_numpy(project(table, frequencies))
    return _mean(cross_entropy(logits.double() - removed.index_select(0, torch.from_numpy(s)), s))


def logit_fve(logits: Tensor, table: np.ndarray) -> np.ndarray:
    """Squared cosine similarity of the centred logits and cos(ω_k (s - g(c))), float64 [⌊n/2⌋].

    Entry i is for k = i + 1; zeros if the logits never differ between classes.
    logits: [n², n], of every pair of the group.
    """
    along = _along_waves(table)
    cosines = fourier_basis(len(table)).rows[1::2]
    energy = _centred_energy(logits)
    return np.asarray((cosines @ along) ** 2 / energy if energy else np.zeros(len(table) // 2))


def wave_coefficients(table: np.ndarray) -> np.ndarray:
    """α_k of the least-squares fit Σ_k α_k cos(ω_k (s - g(c))) to the centred logits, in nats.

    float64 [⌊n/2⌋], entry i for k = i + 1; the waves are orthogonal, so each is fitted alone
    (Nanda et al. 2023, section 4.2).
    """
    n = len(table)
    cosines = np.cos(2 * np.pi * np.outer(np.arange(1, n // 2 + 1), np.arange(n)) / n)
    return np.asarray(cosines @ _along_waves(table) / (n * (cosines**2).sum(axis=1)))


def _along_waves(table: np.ndarray) -> np.ndarray:
    """Centred logits added up over s - g(c) = 0 … n - 1, float64 [n].

    A wave cos(ω_k (s - g(c))) depends on that difference alone, so its inner products with the
    logits are one transform of these sums.
    """
    n = len(table)
    centred = table - table.mean(axis=1, keepdims=True)
    s = np.arange(n)[:, None]
    return np.asarray(centred[s, (s - np.arange(n)) % n].sum(axis=0))


def cross_entropy(logits: Tensor, answers: np.ndarray) -> np.ndarray:
    """Losses by a float64 log-softmax, float64 [N], of logits [N, n] and answers int64 [N]."""
    return losses_and_correct(logits, answers, logits.shape[1])[0]


@dataclass(frozen=True)
class GroupLogits:
    """The logits of one checkpoint on the pairs and classes of one group.

    logits: float32 [n², n], pairs in the order of their s: int64 [n²].  table: see above.
    parts: suffix of ``PARTS`` to bool [n²]; without a split there is only "".
    """

    logits: Tensor
    s: np.ndarray
    table: np.ndarray
    parts: dict[str, np.ndarray]

    @classmethod
    def of(cls, seen: ActivationCache, grid: GroupGrid, split: Split | None) -> "GroupLogits":
        """Gathered from what a network does on all pairs."""
        order = np.argsort(grid.s, kind="stable")
        logits = seen.logit_grid(grid).view(-1, grid.n).cpu().index_select(0, torch.from_numpy(order))
        # Every answer has n pairs, so sorting by s makes its mean a plain one.
        table = logits.view(grid.n, grid.n, grid.n).mean(dim=1, dtype=torch.float64).numpy()
        parts = {"": np.ones(len(order), dtype=bool)}
        if split is not None:
            chosen = np.zeros(len(seen.task.tokens), dtype=bool)
            chosen[split.train] = True
            trained = chosen[grid.rows[order]]
            parts |= {"_train": trained, "_test": ~trained}
        return cls(logits, grid.s[order], table, parts)

    def full_losses(self) -> LossRow:
        """``group_loss``: nothing removed; what the two losses below are to be compared with."""
        return self._by_part("group_loss", cross_entropy(self.logits, self.s))

    def restricted_losses(self, frequencies: Sequence[int]) -> LossRow:
        """``restricted_loss`` on all pairs, on train and on test."""
        return self._by_part("restricted_loss", restricted_losses(self.table, frequencies)[self.s])

    def excluded_losses(self, frequencies: Sequence[int]) -> tuple[float | None, list[float | None]]:
        """On the train pairs: all frequencies removed at once, then each alone, in their order.

        Raises ValueError without a split.
        """
        if "_train" not in self.parts:
            raise ValueError("excluded loss is taken over the train pairs, and there is no split")
        train = self.parts["_train"]
        logits, s = self.logits[torch.from_numpy(train)].double(), self.s[train]
        at_once = excluded_loss(logits, s, self.table, frequencies)
        return at_once, [excluded_loss(logits, s, self.table, [k]) for k in frequencies]

    def fve(self) -> np.ndarray:
        """``logit_fve`` of every frequency, float64 [⌊n/2⌋]."""
        return logit_fve(self.logits, self.table)

    def _by_part(self, name: str, losses: np.ndarray) -> LossRow:
        return {name + suffix: _mean(losses[rows]) for suffix, rows in self.parts.items()}


def _mean(losses: np.ndarray) -> float | None:
    """None where there is nothing to average: at p = 3 a split can miss the whole group."""
    return float(losses.mean()) if len(losses) else None


def _centred_energy(logits: Tensor) -> float:
    """Sum of squares about each pair's mean over classes, in float64."""
    total = 0.0
    for chunk in logits.split(CHUNK):  # small enough to stay in the cache
        exact = chunk.double()
        exact = (exact - exact.mean(dim=1, keepdim=True)).view(-1)
        total += float(exact @ exact)
    return total

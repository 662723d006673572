"""Restricted and excluded loss: the logits of the key frequencies alone, and the logits without them.

Definitions, "Logits"; Nanda et al. 2023 (arXiv 2301.05217), section 5.1.

The projection P_K sees a pair (a, b) only through its answer index s, so everything starts from
``table``, float64 [n, n]: the logits averaged over the pairs of equal s, rows by s, columns by the
answer class in group order. Pairs and classes outside the group are left out throughout.

``basis`` is that of the functions on the group, the Fourier basis of Z_n where none is given; for other
groups "frequencies" are the numbers of its blocks (Chughtai et al. 2023, arXiv 2302.03025, section 4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int64
from torch import Tensor

from grokking.engines.outputs import losses_and_correct
from grokking.groups.base import Group
from grokking.groups.basis import BlockBasis, fourier_basis
from grokking.metrics.activations import ActivationCache
from grokking.tasks.pairs import GroupGrid
from grokking.tasks.split import Split

PARTS = ("", "_train", "_test")
"""Suffixes of a loss over all pairs of the group, over those trained on, over those held out."""
CHUNK = 1024
"""Pairs at a time where the logits are held in float64."""
LARGEST_SORTED = 400
"""Order of a group up to which its logits are copied in the order of their answers: 256 MB."""
LossRow = dict[str, float | None]


def project(
    table: Float64[np.ndarray, "n n"], frequencies: Sequence[int], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "n n"]:
    """P_K of the logits, as the table [n, n] that holds its row for every answer index.

    A frequency that is named twice counts once; k = n/2 has a cosine only.
    """
    kept = waves(basis or fourier_basis(len(table)), frequencies)
    return np.asarray(kept.T @ (kept @ table))


def waves(basis: BlockBasis, frequencies: Sequence[int]) -> Float64[np.ndarray, "rows n"]:
    """The basis' rows of some frequencies or blocks, 0 being the constant: float64 [number of rows, n]."""
    # Looked up by block, so that the lone row of k = n/2 needs no case of its own.
    rows = [basis.rows[basis.rows_of(k)] for k in sorted(set(frequencies))]
    return np.concatenate(rows) if rows else np.empty((0, basis.n))


def restricted_losses(
    table: Float64[np.ndarray, "n n"], frequencies: Sequence[int], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "n"]:
    """Cross-entropy, in nats, of P_K L + mean L, float64 [n] by answer index.

    Pairs of equal s share one row of logits, so n losses say it for all n² pairs.
    """
    logits = project(table, frequencies, basis) + table.mean(axis=0)
    return cross_entropy(torch.from_numpy(logits), np.arange(len(table)))


def excluded_loss(
    logits: Float[Tensor, "pairs n"],
    s: Int64[np.ndarray, "pairs"],
    table: Float64[np.ndarray, "n n"],
    frequencies: Sequence[int],
    basis: BlockBasis | None = None,
) -> float | None:
    """Mean cross-entropy, in nats, of L - P_K L over the given pairs; None if there are none.

    logits: [N, n] of these pairs.  s: int64 [N], their answer indices.  table: of all pairs.
    """
    removed, answers = torch.from_numpy(project(table, frequencies, basis)), torch.from_numpy(s)
    losses = [
        cross_entropy(some.double() - removed.index_select(0, answer), answer.numpy())
        for some, answer in zip(logits.split(CHUNK), answers.split(CHUNK), strict=True)
    ]
    return _mean(np.concatenate(losses)) if losses else None


def logit_fve(
    logits: Float[Tensor, "pairs n"], table: Float64[np.ndarray, "n n"], group: Group | None = None
) -> Float64[np.ndarray, "blocks"]:
    """Squared cosine similarity of the centred logits and χ(s·g(c)⁻¹), float64 [n_blocks - 1].

    For Z_n, and where no group is given, χ is cos(ω_k (s - g(c))) and entry i is for k = i + 1: [⌊n/2⌋].
    Zeros if the logits never differ between classes. logits: [n², n], of every pair of the group.
    """
    energy = _centred_energy(logits)
    along = along_characters(table, group)
    return np.asarray(along**2 / energy if energy else np.zeros(len(along)))


def along_characters(
    table: Float64[np.ndarray, "n n"], group: Group | None = None
) -> Float64[np.ndarray, "blocks"]:
    """Inner products of the centred logits with each χ(s·g(c)⁻¹) of norm 1 over all (a, b, c): [n_blocks -
    1].

    The logits of a pair and what all classes share of them are orthogonal to every χ but the trivial one.
    """
    if group is None or group.is_cyclic:
        return np.asarray(fourier_basis(len(table)).rows[1::2] @ _along_waves(table))
    characters = group.block_characters[1:]
    unit = characters / np.linalg.norm(characters, axis=1, keepdims=True)
    return np.asarray(unit @ _along_quotients(table, group))


def wave_coefficients(table: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "n//2"]:
    """α_k of the least-squares fit Σ_k α_k cos(ω_k (s - g(c))) to the centred logits, in nats.

    float64 [⌊n/2⌋], entry i for k = i + 1; the waves are orthogonal, so each is fitted alone
    (Nanda et al. 2023, section 4.2).
    """
    n = len(table)
    cosines = np.cos(2 * np.pi * np.outer(np.arange(1, n // 2 + 1), np.arange(n)) / n)
    return np.asarray(cosines @ _along_waves(table) / (n * (cosines**2).sum(axis=1)))


def _along_waves(table: Float64[np.ndarray, "n n"]) -> Float64[np.ndarray, "n"]:
    """Centred logits added up over s - g(c) = 0 … n - 1, float64 [n].

    A wave cos(ω_k (s - g(c))) depends on that difference alone, so its inner products with the
    logits are one transform of these sums.
    """
    n = len(table)
    centred = table - table.mean(axis=1, keepdims=True)
    s = np.arange(n)[:, None]
    return np.asarray(centred[s, (s - np.arange(n)) % n].sum(axis=0))


def _along_quotients(table: Float64[np.ndarray, "n n"], group: Group) -> Float64[np.ndarray, "n"]:
    """Centred logits added up over s·g(c)⁻¹, float64 [n]: ``_along_waves`` for any group."""
    centred = table - table.mean(axis=1, keepdims=True)
    quotients = group.table[:, group.inverses]
    return np.bincount(quotients.ravel(), centred.ravel(), len(table))


def cross_entropy(
    logits: Float[Tensor, "pairs n"], answers: Int64[np.ndarray, "pairs"]
) -> Float64[np.ndarray, "pairs"]:
    """Losses by a float64 log-softmax, float64 [N], of logits [N, n] and answers int64 [N]."""
    return losses_and_correct(logits, answers, logits.shape[1])[0]


@dataclass(frozen=True)
class GroupLogits:
    """The logits of one checkpoint on the pairs and classes of one group.

    logits: float32 [n², n].  s: int64 [n²], of these pairs; increasing up to n = ``LARGEST_SORTED``, since a
    larger copy in that order would take too much memory.  table: see above.
    parts: suffix of ``PARTS`` to bool [n²]; without a split there is only "".
    """

    logits: Float32[Tensor, "pairs n"]
    s: Int64[np.ndarray, "pairs"]
    table: Float64[np.ndarray, "n n"]
    parts: dict[str, Bool[np.ndarray, "pairs"]]
    group: Group

    @classmethod
    def of(cls, acts: ActivationCache, grid: GroupGrid, split: Split | None) -> "GroupLogits":
        """Gathered from what a network does on all pairs."""
        logits = acts.logit_grid(grid).view(-1, grid.n).cpu()
        order = np.argsort(grid.s, kind="stable")
        if grid.n <= LARGEST_SORTED:
            logits = logits.index_select(0, torch.from_numpy(order))
            # Every answer has n pairs, so sorting by s makes its mean a plain one.
            table = logits.view(grid.n, grid.n, grid.n).mean(dim=1, dtype=torch.float64).numpy()
        else:
            table = _mean_by_answer_in_parts(logits, order)
            order = np.arange(len(order))
        parts = {"": np.ones(len(order), dtype=bool)}
        if split is not None:
            chosen = np.zeros(len(acts.task.tokens), dtype=bool)
            chosen[split.train] = True
            trained = chosen[grid.rows[order]]
            parts |= {"_train": trained, "_test": ~trained}
        return cls(logits, grid.s[order], table, parts, grid.group)

    def full_losses(self) -> LossRow:
        """``group_loss``: nothing removed; what the two losses below are to be compared with."""
        return self._by_part("group_loss", cross_entropy(self.logits, self.s))

    def restricted_losses(self, frequencies: Sequence[int]) -> LossRow:
        """``restricted_loss`` on all pairs, on train and on test."""
        return self._by_part(
            "restricted_loss", restricted_losses(self.table, frequencies, self.group.basis)[self.s]
        )

    def excluded_losses(self, frequencies: Sequence[int]) -> tuple[float | None, list[float | None]]:
        """On the train pairs: all frequencies removed at once, then each alone, in their order.

        Raises ValueError without a split.
        """
        if "_train" not in self.parts:
            raise ValueError("excluded loss needs the train pairs, and the split is unknown")
        train = self.parts["_train"]
        logits, s = self.logits[torch.from_numpy(train)], self.s[train]
        at_once = excluded_loss(logits, s, self.table, frequencies, self.group.basis)
        return at_once, [excluded_loss(logits, s, self.table, [k], self.group.basis) for k in frequencies]

    def fve(self) -> Float64[np.ndarray, "blocks"]:
        """``logit_fve`` of every frequency, or block: float64 [n_blocks - 1]."""
        return logit_fve(self.logits, self.table, self.group)

    def similarity(self) -> Float64[np.ndarray, "blocks"]:
        """Cosine between the centred logits and χ(s·g(c)⁻¹) of every block but the trivial: [n_blocks - 1].

        Its square is ``fve``. Zeros if the logits never differ between classes.
        """
        return similarities(self.table, _centred_energy(self.logits), self.group)

    def _by_part(self, name: str, losses: Float64[np.ndarray, "pairs"]) -> LossRow:
        return {name + suffix: _mean(losses[rows]) for suffix, rows in self.parts.items()}


def similarities(
    table: Float64[np.ndarray, "n n"], energy: float, group: Group
) -> Float64[np.ndarray, "blocks"]:
    """``GroupLogits.similarity`` from the table and the sum of squares about each pair's mean."""
    along = along_characters(table, group)
    return np.asarray(along / energy**0.5 if energy else np.zeros(len(along)))


def _mean_by_answer_in_parts(
    logits: Float[Tensor, "pairs n"], order: Int64[np.ndarray, "pairs"]
) -> Float64[np.ndarray, "n n"]:
    """Mean over the pairs of each answer, float64 [n, n], of logits [n², n]; order: int64 [n²], by answer."""
    n = logits.shape[1]
    rows = torch.from_numpy(order).view(n, n)
    return np.stack(
        [logits.index_select(0, pairs).mean(dim=0, dtype=torch.float64).numpy() for pairs in rows]
    )


def _mean(losses: Float64[np.ndarray, "pairs"]) -> float | None:
    """None where there is nothing to average: at p = 3 a split can miss the whole group."""
    return float(losses.mean()) if len(losses) else None


def _centred_energy(logits: Float[Tensor, "pairs n"]) -> float:
    """Sum of squares about each pair's mean over classes, in float64."""
    total = 0.0
    for chunk in logits.split(CHUNK):  # small enough to stay in the cache
        exact = chunk.double()
        exact = (exact - exact.mean(dim=1, keepdim=True)).view(-1)
        total += float(exact @ exact)
    return total

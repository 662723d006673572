"""What a network still gets right with its key frequencies alone, and without them.

The projection P_K is that of ``metrics.logits``. One thing is added. P_K averages the logits of all
pairs with one answer, and a network that has memorised the train pairs points at the right answer on
them: averaged, even its random frequencies "restore" the answer. So sufficiency is also asked of
averages over *held-out* pairs alone, where nothing memorised can help.

Tables are float64 [n, n]: logits averaged over pairs of equal s, by s and class in group order.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from grokking.engines.outputs import losses_and_correct
from grokking.groups.basis import BlockBasis
from grokking.metrics.logits import GroupLogits, project, waves

N_DRAWS = 20
DRAW_SEED = 0
ANSWERS_PER_WAVE = 2
"""Answers with held-out pairs, for each wave fitted to them, below which a fit says nothing."""
Scores = tuple[float, float]
"""Loss in nats, accuracy."""


def heldout_scores(logits: GroupLogits, frequencies: Sequence[int]) -> Scores | None:
    """Mean loss (nats) and accuracy of P_K L + mean L over held-out pairs, averaged over them alone.

    Over all pairs if the split is unknown. Where some answers have no held-out pair, the waves are fitted
    (least squares) to the answers that have one, which for all answers is the projection. None where
    fewer than ``ANSWERS_PER_WAVE`` answers stand for each wave: it would fit anything.
    """
    chosen = logits.parts.get("_test", logits.parts[""])
    counts = np.bincount(logits.s[chosen], minlength=len(logits.table))
    present = np.flatnonzero(counts)
    basis = waves(logits.group.basis, [0, *frequencies])[:, present]
    if not len(present) or (len(present) < len(counts) and len(present) < ANSWERS_PER_WAVE * len(basis)):
        return None
    rows = logits.logits[torch.from_numpy(chosen)].double()
    sums = torch.zeros(logits.table.shape, dtype=torch.float64)
    sums.index_add_(0, torch.from_numpy(logits.s[chosen]), rows)
    table = sums.numpy()[present] / counts[present, None]
    kept = np.zeros_like(sums.numpy())
    kept[present] = basis.T @ np.linalg.lstsq(basis.T, table, rcond=None)[0]
    return _scores(torch.from_numpy(kept)[torch.from_numpy(logits.s[chosen])], logits.s[chosen])


def restricted_scores(
    table: Float64[np.ndarray, "n n"],
    frequencies: Sequence[int],
    s: Int64[np.ndarray, "pairs"],
    basis: BlockBasis | None = None,
) -> Scores | None:
    """Mean loss (nats) and accuracy of P_K L + mean L over pairs with answers s; None without pairs.

    The constant is the table's mean over answers.
    """
    kept = torch.from_numpy(project(table, frequencies, basis) + table.mean(axis=0))
    return _scores(kept[torch.from_numpy(s)], s)


def excluded_scores(logits: GroupLogits, frequencies: Sequence[int], part: str) -> Scores | None:
    """Mean loss (nats) and accuracy of L - P_K L over a part (``metrics.logits.PARTS``)."""
    rows = logits.parts[part]
    s, removed = logits.s[rows], torch.from_numpy(project(logits.table, frequencies, logits.group.basis))
    return _scores(logits.logits[torch.from_numpy(rows)].double() - removed[torch.from_numpy(s)], s)


def full_scores(logits: GroupLogits, part: str) -> Scores | None:
    """Mean loss (nats) and accuracy of the logits as they are, over a part."""
    rows = logits.parts[part]
    return _scores(logits.logits[torch.from_numpy(rows)], logits.s[rows])


def other_frequencies(
    n: int, keys: Sequence[int], n_draws: int = N_DRAWS, basis: BlockBasis | None = None
) -> Iterator[list[int]]:
    """Seeded draws of as many frequencies of Z_n, or blocks, as there are keys, none of them a key.

    Nothing where there are not enough others.
    """
    others = np.setdiff1d(np.arange(1, basis.n_blocks if basis else n // 2 + 1), keys)
    rng = np.random.default_rng(DRAW_SEED)
    if 0 < len(set(keys)) <= len(others):
        for _ in range(n_draws):
            yield sorted(rng.choice(others, len(set(keys)), replace=False).tolist())


def _scores(logits: Float[Tensor, "pairs n"], s: Int64[np.ndarray, "pairs"]) -> Scores | None:
    """None where there is nothing to average."""
    if not len(s):
        return None
    losses, correct = losses_and_correct(logits.contiguous(), s, logits.shape[1])
    return float(losses.mean()), float(correct.mean())

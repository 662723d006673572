"""What the rows of a history need of logits that are too large to hold: sums, gathered part by part."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from grokking.engines.outputs import OutputsInParts, losses_and_correct

CHUNK = 1024
"""Pairs at a time in float64: few enough to stay in the cache."""


@dataclass(frozen=True)
class LogitSums:
    """Of the logits of all N pairs of a task with ``n_answers`` answers and C classes.

    losses, correct: [N], as ``losses_and_correct``.  collapsed: by dtype bool [N], as ``is_collapsed``.
    by_answer: float64 [n_ops, n_answers, C], added up over the pairs of each answer, by operation.
    energy: float64 [n_ops], sums of squares about each pair's mean over classes.
    """

    losses: Float64[np.ndarray, "pairs"]
    correct: Bool[np.ndarray, "pairs"]
    collapsed: dict[torch.dtype, Bool[np.ndarray, "pairs"]]
    by_answer: Float64[np.ndarray, "n_ops n_answers n_classes"]
    energy: Float64[np.ndarray, "n_ops"]

    @classmethod
    def of(cls, outputs: OutputsInParts, task: Any) -> "LogitSums":
        """One pass over all parts, which leaves the neurons in ``outputs``."""
        n, n_ops, n_classes = len(task.answers), len(task.names), outputs.shape.n_classes
        collapsed = {dtype: np.zeros(n, dtype=bool) for dtype in (torch.float32, torch.float64)}
        by_answer, energy = np.zeros((n_ops, task.n_answers, n_classes)), np.zeros(n_ops)
        found = cls(np.empty(n), np.empty(n, dtype=bool), collapsed, by_answer, energy)
        for some, logits in outputs.parts():
            answers, operations = task.answers[some], task.operation_of_pair[some]
            found.losses[some], found.correct[some] = losses_and_correct(logits, answers, task.n_answers)
            found._add(logits.cpu(), answers, operations, some.start)
            del logits  # before the next part is made
        return found

    def _add(
        self, logits: Float[Tensor, "pairs n_classes"], answers: np.ndarray, ops: np.ndarray, start: int
    ) -> None:
        """Add the logits of pairs with these answers and operations; start: where the first of them lies."""
        flat = torch.from_numpy(self.by_answer).view(-1, logits.shape[1])
        at = torch.from_numpy(ops * self.by_answer.shape[1] + answers)
        for i, part in enumerate(logits.split(CHUNK)):
            some, exact = slice(i * CHUNK, i * CHUNK + len(part)), part.double()
            flat.index_add_(0, at[some], exact)
            spread = (exact - exact.mean(dim=1, keepdim=True)).square().sum(dim=1).numpy()
            self.energy[:] += np.bincount(ops[some], spread, len(self.energy))
            self._mark_collapsed(part, start + i * CHUNK)

    def _mark_collapsed(self, logits: Float[Tensor, "pairs n_classes"], start: int) -> None:
        """What float32 can tell from certain, float64 can, too: so only the other pairs are asked again."""
        rows = np.arange(start, start + len(logits))
        for dtype in (torch.float32, torch.float64):
            certain = is_collapsed(logits, dtype)
            self.collapsed[dtype][rows] = certain
            logits, rows = logits[torch.from_numpy(certain)], rows[certain]


def is_collapsed(logits: Float[Tensor, "pairs classes"], dtype: torch.dtype) -> Bool[np.ndarray, "pairs"]:
    """Of each pair whether Σ_c exp(z_c - max z) is exactly 1 in ``dtype``."""
    exact = logits.to(dtype)
    return np.asarray(((exact - exact.amax(dim=1, keepdim=True)).exp().sum(dim=1) == 1).numpy())

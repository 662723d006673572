"""The commutator defect: how much the order of two steps matters (definitions, "Trajectory geometry").

Two steps of gradient descent on two halves A and B of the train pairs, in both orders, end at θ_AB and
θ_BA (arXiv 2602.16746). In a flat or a separable landscape they agree. Costly, so only with ``--measures
commutator_defect``.
"""

from statistics import median

import numpy as np

from grokking.metrics.activations import ActivationCache
from grokking.metrics.flat_loss import Flat, FlatLoss, flat_weights, gradient, train_loss
from grokking.metrics.registry import METRICS, PROGRESS, Metric, Row, Scope
from grokking.tasks.split import Split

NAME = "commutator_defect"
N_DRAWS = 9
RATE = 1e-3
"""Step size; for small steps the defect does not depend on it."""


def commutator_defect(a: FlatLoss, b: FlatLoss, weights: Flat, rate: float = RATE) -> float | None:
    """|θ_AB - θ_BA| / (|η g_A| |η g_B|), with both gradients at ``weights``; None if one of them is 0."""
    of_a, of_b = gradient(a, weights), gradient(b, weights)
    after_a, after_b = weights - rate * of_a, weights - rate * of_b
    ab, ba = after_a - rate * gradient(b, after_a), after_b - rate * gradient(a, after_b)
    lengths = float((rate * of_a).norm() * (rate * of_b).norm())
    return float((ab - ba).norm()) / lengths if lengths > 0 else None


def median_defect(acts: ActivationCache, split: Split) -> float | None:
    """Median over nine seeded draws of two disjoint halves of the train pairs; float64.

    None where there are fewer than two train pairs of an operation in a half, or a gradient is 0.
    """
    operation = acts.task.operation_of_pair[split.train]
    if np.bincount(operation, minlength=len(acts.task.names)).min() < 2:
        return None
    generator, weights, found = np.random.default_rng(0), flat_weights(acts), []
    for _ in range(N_DRAWS):
        first = _half(operation, generator)
        losses = [train_loss(acts, split, np.flatnonzero(part)) for part in (first, ~first)]
        found.append(commutator_defect(losses[0], losses[1], weights))
    known = [value for value in found if value is not None]
    return median(known) if known else None


def _half(operation: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A random half of the rows of every operation, bool [rows]."""
    chosen = np.zeros(len(operation), dtype=bool)
    for i in np.unique(operation):
        rows = generator.permutation(np.flatnonzero(operation == i))
        chosen[rows[: len(rows) // 2]] = True
    return chosen


def _measure(scope: Scope) -> Row:
    return {NAME: None if scope.split is None else median_defect(scope.acts, scope.split)}


METRICS.register(
    Metric(
        NAME,
        _measure,
        (NAME,),
        when=PROGRESS,
        default=False,
        table=(NAME,),
        goals={NAME: float("inf")},
        rank=94,
    )
)

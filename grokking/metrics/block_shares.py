"""Shares of the blocks of a group in the embedding and the unembedding (definitions, "Any finite group").

Chughtai et al. 2023 (arXiv 2302.03025), section 5, read from them which representations a network has
learned.
"""

import numpy as np

from grokking.metrics.activations import ActivationCache
from grokking.metrics.block_names import by_label, composing
from grokking.metrics.embedding import frequency_share
from grokking.metrics.registry import METRICS, Metric, Row, Scope
from grokking.tasks.pairs import GroupGrid


def unembedding(acts: ActivationCache, pairs: GroupGrid) -> np.ndarray | None:
    """W_U of the group's classes in group order, centred over them: float64 [n, d_model]; or None."""
    if "W_U" not in acts.weights:
        return None
    rows = acts.weights["W_U"].detach().cpu().double().numpy().T[pairs.group.members]
    return np.asarray(rows - rows.mean(axis=0))


def _measure(scope: Scope) -> Row:
    group, read_out = scope.pairs.group, unembedding(scope.acts, scope.pairs)
    embedding = frequency_share(scope.acts.embedding(scope.operation), group.basis)
    return {
        "embedding_share": by_label(group, embedding),
        "unembedding_share": (
            None if read_out is None else by_label(group, frequency_share(read_out, group.basis))
        ),
    }


METRICS.register(
    Metric(
        "block_shares",
        _measure,
        ("embedding_share", "unembedding_share"),
        per_operation=True,
        applies=composing,
        rank=65,
    )
)

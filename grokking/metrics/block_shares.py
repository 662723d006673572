"""Shares of the blocks of a group in the embedding and in what reads out the answer ("Any finite group").

Chughtai et al. 2023 (arXiv 2302.03025), section 5, read from them which representations a network has
learned. What they call the unembedding of a transformer is the map from neurons to logits, W_out W_U:
``readout_share``.
"""

import numpy as np
from jaxtyping import Float64

from grokking.metrics.activations import ActivationCache
from grokking.metrics.block_names import by_label, composing
from grokking.metrics.embedding import frequency_share
from grokking.metrics.readout import neuron_logit_map
from grokking.metrics.registry import METRICS, Metric, Row, Scope
from grokking.tasks.pairs import GroupGrid


def unembedding(acts: ActivationCache, pairs: GroupGrid) -> Float64[np.ndarray, "n d_model"]:
    """W_U of the group's classes in group order, centred over them: float64 [n, d_model]."""
    rows = acts.weights["W_U"].detach().cpu().double().numpy().T[pairs.group.members]
    return np.asarray(rows - rows.mean(axis=0))


def _measure(scope: Scope) -> Row:
    acts, pairs = scope.acts, scope.pairs
    matrices = {
        "embedding_share": acts.embedding(scope.operation),
        "unembedding_share": unembedding(acts, pairs) if "W_U" in acts.weights else None,
        "readout_share": neuron_logit_map(acts, pairs).T if {"W_out", "W_U"} <= set(acts.weights) else None,
    }
    group = pairs.group
    return {
        # A model without the matrix has no such share.
        name: None if rows is None else by_label(group, frequency_share(rows, group.basis))
        for name, rows in matrices.items()
    }


METRICS.register(
    Metric(
        "block_shares",
        _measure,
        ("embedding_share", "unembedding_share", "readout_share"),
        per_operation=True,
        applies=composing,
        rank=65,
    )
)

"""Neurons, embedding and shares of blocks of one checkpoint, with the final model's frequencies.

Chughtai et al. 2023 (arXiv 2302.03025), section 5, read from them which representations a network has
learned. What they call the unembedding of a transformer is the map from neurons to logits, W_out W_U:
``readout_share``.
"""

import numpy as np
from jaxtyping import Float64

from grokking.metrics.activations import ActivationCache
from grokking.metrics.block_names import by_label, composing
from grokking.metrics.circuit_overlap import single_frequency_share
from grokking.metrics.embedding import embedding_circularity, frequency_share, gini
from grokking.metrics.neurons import (
    SinusoidFit,
    VarianceShares,
    fit_sinusoids,
    mean_by_answer,
    variance_shares,
)
from grokking.metrics.readout import neuron_logit_map
from grokking.metrics.registry import EMBEDDING, METRICS, NEURONS, PROGRESS, Metric, Row, Scope, with_pairs
from grokking.tasks.pairs import GroupGrid


def fit_and_shares(
    acts: ActivationCache, operation: str, grid: GroupGrid
) -> tuple[SinusoidFit, VarianceShares]:
    """How neurons follow the waves of an operation; computed once for each network and operation."""
    key = (fit_and_shares, operation)
    if key not in acts.shared:
        neurons, basis = acts.neuron_grid(grid), grid.group.basis
        fit = fit_sinusoids(mean_by_answer(neurons, grid.s), basis)
        acts.shared[key] = fit, variance_shares(neurons, basis)
    found: tuple[SinusoidFit, VarianceShares] = acts.shared[key]
    return found


def _neurons(scope: Scope) -> Row:
    fit, shares = fit_and_shares(scope.acts, scope.operation, scope.pairs)
    return {
        "fourier_strength": fit.fourier_strength,
        "neuron_fve": float(shares.fve[fit.alive].mean()) if fit.alive.any() else None,
        "neuron_owned_share": float((shares.owner > 0).mean()),
        "single_frequency_share": single_frequency_share(shares, fit.alive),
    }


def _embedding(scope: Scope) -> Row:
    embedding = scope.acts.embedding(scope.operation)
    at_final_k = None if scope.circle is None else embedding_circularity(embedding, scope.circle)
    return {"gini": gini(embedding, scope.pairs.group.basis), "embedding_circularity_final_k": at_final_k}


METRICS.register(
    Metric(
        "neuron_measures",
        _neurons,
        ("fourier_strength", "neuron_fve", "neuron_owned_share", "single_frequency_share"),
        per_operation=True,
        applies=with_pairs,
        when=PROGRESS,
        needs=frozenset({NEURONS}),
        table=("single_frequency_share",),
        rank=50,
    )
)
METRICS.register(
    Metric(
        "embedding_measures",
        _embedding,
        ("gini", "embedding_circularity_final_k"),
        per_operation=True,
        applies=with_pairs,
        when=PROGRESS,
        needs=frozenset({EMBEDDING}),
        rank=60,
    )
)


def unembedding(acts: ActivationCache, pairs: GroupGrid) -> Float64[np.ndarray, "n d_model"]:
    """W_U of the group's classes in group order, centred over them: float64 [n, d_model]."""
    rows = acts.matrices["unembedding"].numpy().T[pairs.group.members]
    return np.asarray(rows - rows.mean(axis=0))


def _measure(scope: Scope) -> Row:
    acts, pairs = scope.acts, scope.pairs
    matrices = {
        "embedding_share": acts.embedding(scope.operation) if "embedding" in acts.matrices else None,
        "unembedding_share": unembedding(acts, pairs) if "unembedding" in acts.matrices else None,
        "readout_share": neuron_logit_map(acts, pairs).T if "write" in acts.matrices else None,
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

"""Neurons and embedding of one checkpoint for ``progress.json``, with the frequencies of the final model."""

from grokking.metrics.activations import ActivationCache
from grokking.metrics.circuit_overlap import single_frequency_share
from grokking.metrics.embedding import embedding_circularity, gini
from grokking.metrics.neurons import (
    SinusoidFit,
    VarianceShares,
    fit_sinusoids,
    mean_by_answer,
    variance_shares,
)
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

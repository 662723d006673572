"""Frequency specialisation: does each part keep to one frequency, by its variance and by its effect?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from grokking.audit.ablations import NO_KEYS
from grokking.audit.verdict import CROSS_TALK, HEAD_SHARE, OWN_SHARE, Check, above
from grokking.groups.basis import BlockBasis
from grokking.metrics.activations import ActivationCache
from grokking.metrics.attention import attention_grid
from grokking.metrics.frequency_specialisation import (
    MeanAblation,
    cross_talk,
    diagonal_share,
    head_shares,
    shuffled_shares,
)
from grokking.metrics.neurons import VarianceShares, variance_shares
from grokking.metrics.shuffles import NULL_QUANTILE
from grokking.tasks.pairs import GroupGrid

N_REGROUPINGS, N_REGROUPINGS_EXACT = 100, 5
"""Draws for the cross-talk null; fewer where a layer norm makes each of them a forward pass."""
REGROUPING_SEED = 0
DIGITS = 4


def specialisation_checks(
    acts: ActivationCache, grid: GroupGrid, shares: VarianceShares, keys: Sequence[int]
) -> list[Check]:
    """Neurons, heads, and the cross-talk of silenced neurons. shares: of the neuron grid."""
    return [
        _neuron_check(acts.neuron_grid(grid), shares, grid.group.basis),
        _head_check(acts, grid),
        cross_talk_check(acts, grid, shares, keys),
    ]


def mean_own_share(shares: VarianceShares) -> float | None:
    """Mean over live neurons of the variance share in each one's best frequency."""
    alive = shares.fve > 0
    return float(shares.fve[alive].mean()) if alive.any() else None


def _neuron_check(neurons: Tensor, shares: VarianceShares, basis: BlockBasis) -> Check:
    value = mean_own_share(shares)
    evidence: dict[str, Any] = {
        "null": "tokens of a and b renamed at random",
        "own share of each neuron": _rounded(shares.fve),
        "frequency of each neuron": shares.frequency.tolist(),
        **_leak(shares),
    }
    return Check(
        "neurons",
        "What share of a neuron's variance is at its own frequency?",
        value,
        _quantile(shuffled_shares(neurons, basis=basis)) if value is not None else None,
        OWN_SHARE,
        above(value, OWN_SHARE, "specialised", "not specialised", "all neurons are dead"),
        evidence,
    )


def _leak(shares: VarianceShares) -> dict[str, float]:
    """Mean share in other single frequencies, and in products of two different ones."""
    alive = shares.fve > 0
    if not alive.any():
        return {}
    own, every = shares.fve[alive], shares.by_frequency[:, alive].sum(axis=0)
    return {
        "leak into other frequencies": float((every - own).mean()),
        "in products of two frequencies": float(np.maximum(1 - every, 0).mean()),
    }


def _head_check(acts: ActivationCache, grid: GroupGrid) -> Check:
    pattern = attention_grid(acts, grid)[..., 0].contiguous()
    attended, written = variance_shares(pattern, grid.group.basis), head_shares(acts, grid)
    value = mean_own_share(attended)
    evidence: dict[str, Any] = {
        "null": "tokens of a and b renamed at random",
        "attention to a: own share": _rounded(attended.fve),
        "frequency": attended.frequency.tolist(),
        "mean attention to a": _rounded(pattern.double().mean(dim=(0, 1)).numpy()),
        "written: largest share": _rounded(written.max(axis=1)),
        "written: frequency": (written.argmax(axis=1) + 1).tolist(),
    }
    return Check(
        "heads",
        "What share of a head's attention varies with its own frequency?",
        value,
        _quantile(shuffled_shares(pattern, basis=grid.group.basis)) if value is not None else None,
        HEAD_SHARE,
        above(value, HEAD_SHARE, "specialised", "not specialised", "attention never varies"),
        evidence,
    )


def cross_talk_check(
    acts: ActivationCache, grid: GroupGrid, shares: VarianceShares, keys: Sequence[int], null: bool = True
) -> Check:
    """Silence the neurons that each key frequency owns; where do the logits change?"""
    groups = [np.flatnonzero(shares.owner == k) for k in keys]
    silence = MeanAblation(acts, grid)
    matrix = cross_talk(silence, groups) if keys else np.zeros((0, grid.group.basis.n_blocks - 1))
    value = diagonal_share(matrix, keys)
    total = np.maximum(matrix.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    evidence = {
        "null": "the same neurons in groups drawn at random",
        "silenced": list(keys),
        "neurons": [len(g) for g in groups],
        "share of the change by frequency": [_rounded(row) for row in matrix / total],
    }
    drawn = _regrouped(silence, groups, keys) if null and len(keys) > 1 else None
    return Check(
        "cross-talk",
        "How much of an ablation's effect is at the ablated frequency?",
        value,
        drawn,
        CROSS_TALK,
        above(value, CROSS_TALK, "separate", "not separate", NO_KEYS),
        evidence,
    )


def _regrouped(silence: MeanAblation, groups: Sequence[np.ndarray], keys: Sequence[int]) -> float:
    """The diagonal share for groups of the same sizes with their neurons drawn anew."""
    rng, every = np.random.default_rng(REGROUPING_SEED), np.concatenate(groups)
    ends = np.cumsum([len(g) for g in groups])[:-1]
    found = []
    for _ in range(N_REGROUPINGS_EXACT if silence.exact else N_REGROUPINGS):
        drawn = np.split(rng.permutation(every), ends)
        found.append(diagonal_share(cross_talk(silence, drawn), keys) or 0.0)
    return _quantile(np.array(found))


def _quantile(values: np.ndarray) -> float:
    return float(np.quantile(values, NULL_QUANTILE))


def _rounded(values: np.ndarray) -> list[float]:
    return [round(float(x), DIGITS) for x in values]

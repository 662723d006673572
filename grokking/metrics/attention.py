"""Attention of the last position: the one frequency of each head, and how sharply it attends.

At the last position the query is the operator's, the same for every pair, so a head's pattern is a
look-up in two tables of scores (Nanda et al. 2023, appendix C.1). Positions: 0 is a, 1 is b, 2 the
operator.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from grokking.engines.lookup import attention_pattern, serves, stack
from grokking.groups.basis import BlockBasis, fourier_basis
from grokking.metrics.activations import ActivationCache
from grokking.metrics.neurons import VarianceShares, variance_shares
from grokking.tasks.pairs import GroupGrid


def attention_of(
    acts: ActivationCache, tokens: Int64[np.ndarray, "pairs 3"]
) -> Float[Tensor, "pairs n_heads positions"]:
    """What the last position attends to, float32 [N, n_heads, 3], for tokens int64 [N, 3].

    Every row of three sums to 1. Of a transformer of another build: in its last layer, and [N, n_heads,
    positions].  Raises UserError for a model without attention.
    """
    if not serves(acts.shape):
        return acts.attention(tokens)[:, -1].cpu()
    at = torch.as_tensor(tokens, device=acts.weights["W_E"].device)
    with torch.no_grad():
        return attention_pattern(stack(acts.weights), acts.shape, at[None])[0].cpu()


def attention_grid(acts: ActivationCache, grid: GroupGrid) -> Float[Tensor, "n n n_heads 3"]:
    """``attention_of`` all pairs of a group, float32 [n, n, n_heads, 3]."""
    pattern = attention_of(acts, grid.tokens)
    return pattern.view(grid.n, grid.n, *pattern.shape[1:])


def pattern_shares(
    pattern: Float[Tensor, "n n n_heads 3"], position: int = 0, basis: BlockBasis | None = None
) -> VarianceShares:
    """How much of each head's attention to ``position`` is one frequency in a and b.

    pattern: from ``attention_grid``. The block {1, cos, sin} ⊗ {1, cos, sin} of the neurons
    (definitions, ``neuron_fve``), heads in the place of neurons.
    """
    return variance_shares(pattern[..., position].contiguous(), basis)


def value_shares(
    acts: ActivationCache, operation: str, basis: BlockBasis | None = None
) -> Float64[np.ndarray, "blocks n_heads"]:
    """Share of each frequency in what a head would write for each token, float64 [⌊n/2⌋, n_heads].

    The energy of W_E W_V W_O (the OV circuit) over the group's tokens, centred over them; a head's
    shares add up to 1, and are all 0 where it writes the same for every token. Layer norm, if the
    model has it, is left out.
    """
    embedding = torch.from_numpy(acts.embedding(operation))
    value, out = (acts.weights[name].cpu().double() for name in ("W_V", "W_O"))
    written = torch.einsum("nd,hde,hef->nhf", embedding, value, out).numpy()
    basis = basis or fourier_basis(len(written))
    energy = basis.energy_per_block(basis.transform(written)).sum(axis=2)
    return np.asarray(energy / np.maximum(energy.sum(axis=0), np.finfo(float).tiny))


def attention_entropy(
    acts: ActivationCache, temperature: float | None = None
) -> Float64[np.ndarray, "n_heads"]:
    """Mean entropy (nats) of each head's attention at the last position, float64 [n_heads].

    Between 0 (all on one token) and log 3 (a third each), over all pairs of the task.
    temperature: T > 0, applied to the same weights; by default the run's own.
    """
    shape = acts.shape if temperature is None else replace(acts.shape, attention_temperature=temperature)
    weights = {name: tensor.cpu().double() for name, tensor in acts.weights.items()}
    with torch.no_grad():
        pattern = attention_pattern(stack(weights), shape, torch.from_numpy(acts.task.tokens)[None])[0]
    return np.asarray(torch.special.entr(pattern).sum(-1).mean(0).numpy())

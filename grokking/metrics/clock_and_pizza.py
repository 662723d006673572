"""Clock or pizza: how a network that adds on circles combines them (definitions, "Clock and pizza").

A *clock* multiplies the two circles (its logits see a + b alone); a *pizza* averages the two points (its
logits fade where a - b is unfavourable, and a and b enter alike). Zhong et al. 2023 (arXiv 2306.17844)
tell the two apart by gradient symmetricity and distance irrelevance. Later work (arXiv 2512.25060) disputes
that there are two kinds, and asks instead whether the activations trace a torus or a disc. So no measure here
names a kind: all numbers are reported.
"""

import random
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from grokking.engines.lookup import serves
from grokking.groups.basis import fourier_basis
from grokking.metrics.activations import ActivationCache
from grokking.metrics.attention import attention_of
from grokking.metrics.block_names import with_frequencies
from grokking.metrics.registry import (
    EITHER_WAY,
    EMBEDDING,
    METRICS,
    NEURONS,
    PROGRESS,
    Metric,
    Row,
    Scope,
)
from grokking.models import MODELS
from grokking.tasks.pairs import GroupGrid

N_TRIPLES = 100
TRIPLE_SEED = 42
"""The triples that the published values were taken on."""
N_COMPONENTS = 4
TINY = float(np.finfo(float).tiny)


@lru_cache(maxsize=4)
def triples(n: int, how_many: int = N_TRIPLES) -> Int64[np.ndarray, "triples 3"]:
    """Triples (a, b, c) of indices below n, drawn from all n³ in a seeded order, int64 [triples, 3]."""
    order = list(range(n**3))
    random.Random(TRIPLE_SEED).shuffle(order)
    return np.stack(np.unravel_index(order[:how_many], (n, n, n)), axis=1).astype(np.int64)


def gradient_symmetricity(acts: ActivationCache, grid: GroupGrid) -> float:
    """Mean over triples of the cosine between ∂L_c/∂E_a and ∂L_c/∂E_b, the embeddings at the two operands.

    1 where both operands are read alike. In float64. Raises UserError for a model that embeds no tokens.
    """
    chosen = triples(grid.n)
    tokens = grid.tokens[chosen[:, 0] * grid.n + chosen[:, 1]]
    of_a, of_b = operand_gradients(acts, tokens, torch.from_numpy(grid.group.members[chosen[:, 2]]))
    return float(torch.cosine_similarity(of_a, of_b, dim=1).mean())


def operand_gradients(
    acts: ActivationCache, tokens: Int64[np.ndarray, "pairs n_ctx"], classes: Int64[Tensor, "pairs"]
) -> tuple[Float64[Tensor, "pairs d_model"], Float64[Tensor, "pairs d_model"]]:
    """Gradient of one logit of each pair along the embeddings of its a and of its b, float64 [N, d_model]."""
    exact = {name: w.cpu().double() for name, w in acts.weights.items()}
    in_double = ActivationCache(exact, acts.shape, acts.task)
    embedded = in_double.embedded(tokens).requires_grad_()
    total = in_double.logits_of_embedded(embedded).gather(1, classes[:, None]).sum()
    slope = torch.autograd.grad(total, embedded)[0]
    return slope[:, 0], slope[:, 1]


def distance_irrelevance(correct: Float[np.ndarray, "n n"], sign: int = 1) -> float:
    """Mean over a - b of the standard deviation over a + b, over the standard deviation of all.

    correct: logit of the right answer by the group indices of a and b.  sign: -1 where the answer is
    a - b; the table is then by a - b and a + b.  Near 0 where a - b alone decides how sure the network
    is, near 1 where it decides nothing.  0 for a constant table.
    """
    n = len(correct)
    b = np.arange(n)
    by_difference = np.stack([correct[(d + sign * b) % n, b] for d in range(n)])
    return float(by_difference.std(axis=1).mean() / max(correct.std(), TINY))


def component_circularity(
    embedding: Float64[np.ndarray, "n d_model"], n_components: int = N_COMPONENTS
) -> float:
    """Mean over the first principal components of the largest share that one frequency has of each.

    embedding: centred over the tokens, in group order. 1 where every component is a wave.
    """
    left, values, _ = np.linalg.svd(embedding, full_matrices=False)
    scores = (left * values)[:, :n_components]
    basis = fourier_basis(len(embedding))
    energy = basis.energy_per_frequency(basis.transform(scores))
    return float((energy.max(axis=0) / np.maximum(energy.sum(axis=0), TINY)).mean())


def constant_attention_share(pattern: Float[Tensor, "pairs n_heads n_ctx"]) -> float:
    """Energy of the mean attention pattern over the mean energy of all patterns: 1 if no pair changes it."""
    exact = pattern.double()
    return float(exact.mean(dim=0).square().sum() / exact.square().sum(dim=(1, 2)).mean())


def disc_share(neurons: Float[Tensor, "n n d_mlp"], k: int) -> float | None:
    """Share of the first two of the four directions in which neurons carry cos and sin of ω_k a and ω_k b.

    neurons: activations over the group indices of a and b. 1 where the four waves lie in one plane, so that
    the network sees the sum of two points of a circle, which fills a disc; 1/2 where all four directions
    are of one length, so that both angles can be read, as on a torus. None if no neuron carries these waves.
    """
    n = len(neurons)
    waves = fourier_basis(n).tensor[fourier_basis(n).rows_of(k)].to(neurons.dtype)
    along_a, along_b = waves @ neurons.mean(dim=1), waves @ neurons.mean(dim=0)
    energy = torch.linalg.svdvals(torch.cat([along_a, along_b]).double()).square()
    total = float(energy.sum())
    return float(energy[:2].sum()) / total if total > 0 else None


def _symmetricity(scope: Scope) -> Row:
    embeds = hasattr(MODELS.get(scope.acts.shape.model), "logits_of_embedded")
    return {"gradient_symmetricity": gradient_symmetricity(scope.acts, scope.pairs) if embeds else None}


def _distances(scope: Scope) -> Row:
    grid = scope.pairs
    logits = scope.acts.logit_grid(grid).flatten(0, 1)
    correct = logits.gather(1, torch.from_numpy(grid.s)[:, None].to(logits.device)).cpu().double()
    return {"distance_irrelevance": distance_irrelevance(correct.view(grid.n, grid.n).numpy(), grid.sign)}


def _components(scope: Scope) -> Row:
    return {"component_circularity": component_circularity(scope.acts.embedding(scope.operation))}


def _attention(scope: Scope) -> Row:
    if not scope.acts.has_attention:
        return {"constant_attention": None}
    tokens = scope.pairs.tokens
    if serves(scope.acts.shape):  # by look-up, in a thirtieth of the time
        return {"constant_attention": constant_attention_share(attention_of(scope.acts, tokens))}
    pattern = scope.acts.attention(tokens).flatten(1, 2)
    return {"constant_attention": constant_attention_share(pattern)}


def _disc(scope: Scope) -> Row:
    # Of the final model's frequencies: the strongest of the embedding's that has a cosine and a sine.
    if scope.circle is None:
        return {"disc_share": None}
    return {"disc_share": disc_share(scope.acts.neuron_grid(scope.pairs).cpu(), scope.circle)}


for name, measure, needs in (
    ("gradient_symmetricity", _symmetricity, {EMBEDDING}),
    ("distance_irrelevance", _distances, set()),
    ("component_circularity", _components, {EMBEDDING}),
    ("constant_attention", _attention, set()),
    ("disc_share", _disc, {NEURONS}),
):
    METRICS.register(
        Metric(
            name,
            measure,
            (name,),
            per_operation=True,
            applies=with_frequencies,
            when=PROGRESS,
            needs=frozenset(needs),
            table=(name,),
            goals={name: EITHER_WAY},
            rank=80,
        )
    )

"""From neurons to logits: the map W_L = W_out W_U, its spectrum and its rank (Nanda et al. 2023, 4.2).

``readout`` is float64 [d_mlp, n]: W_L at the group's classes, in group order, centred over them,
since what all classes share changes no probability. A final layer norm, if there is one, is left out.
"""

import numpy as np
from jaxtyping import Float64

from grokking.groups.basis import BlockBasis, fourier_basis
from grokking.metrics.activations import ActivationCache
from grokking.metrics.embedding import gini_coefficient
from grokking.tasks.pairs import GroupGrid


def neuron_logit_map(acts: ActivationCache, grid: GroupGrid) -> Float64[np.ndarray, "d_mlp n"]:
    """The readout of a network: what one unit of each neuron adds to each logit."""
    write, unembed = (acts.matrices[name].numpy() for name in ("write", "unembedding"))
    readout = write @ unembed[:, grid.group.members]
    return np.asarray(readout - readout.mean(axis=1, keepdims=True))


def readout_energy(
    readout: Float64[np.ndarray, "d_mlp n"], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "blocks d_mlp"]:
    """Energy of each neuron's row at each frequency of the answer, or in each block of a group's basis.

    float64 [⌊n/2⌋, d_mlp], or [n_blocks - 1, d_mlp].
    """
    basis = basis or fourier_basis(readout.shape[1])
    return np.asarray(basis.energy_per_block(basis.transform(readout.T)))


def readout_share(
    readout: Float64[np.ndarray, "d_mlp n"], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "blocks"]:
    """Share of each frequency, or block, in the whole map, float64 [⌊n/2⌋]; zeros for a map of zeros."""
    energy = readout_energy(readout, basis).sum(axis=1)
    return np.asarray(energy / max(energy.sum(), np.finfo(float).tiny))


def readout_gini(readout: Float64[np.ndarray, "d_mlp n"], basis: BlockBasis | None = None) -> float:
    """Gini coefficient of the norms per frequency, or block, as ``gini`` is of the embedding's."""
    return float(gini_coefficient(np.sqrt(readout_energy(readout, basis).sum(axis=1))))


def effective_rank(matrix: Float64[np.ndarray, "m n"]) -> float:
    """exp of the entropy of σ / Σσ, σ being the singular values of a matrix [m, n].

    1 for rank one, r for r equal singular values; 0 for a matrix of zeros. (Roy and Vetterli 2007,
    "The effective rank: a measure of effective dimensionality", EUSIPCO.)
    """
    sigma = np.linalg.svd(matrix, compute_uv=False)
    if not sigma.any():
        return 0.0
    share = sigma[sigma > 0] / sigma.sum()
    return float(np.exp(-(share * np.log(share)).sum()))

"""Principal components: of the embedding, and of all weights over training."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64

from grokking.groups.basis import fourier_basis


@dataclass(frozen=True)
class PrincipalComponents:
    """scores: float64 [N, m], rows in the first m components, in the units of the rows.

    shares: float64 [m], of the variance of all rows.  The score of largest size is positive.
    """

    scores: Float64[np.ndarray, "N m"]
    shares: Float64[np.ndarray, "m"]


def principal_components(rows: Float[np.ndarray, "N D"], m: int) -> PrincipalComponents:
    """The first m components of rows [N, D], centred over them; at most N of them.

    By the N x N products of the rows, so that D may be large: all weights of a network.
    """
    products = _centred_products(rows)
    values, vectors = np.linalg.eigh(products)
    order = np.argsort(-values)[:m]
    values, total = np.maximum(values, 0.0), max(float(np.trace(products)), np.finfo(float).tiny)
    scores = vectors[:, order] * np.sqrt(values[order])
    largest = scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])]
    return PrincipalComponents(scores * np.where(largest < 0, -1.0, 1.0), values[order] / total)


def component_spectra(scores: Float64[np.ndarray, "n m"]) -> Float64[np.ndarray, "n//2 m"]:
    """Which frequencies each component of the embedding mixes: shares, float64 [⌊n/2⌋, m].

    scores: [n, m] over the group's tokens in group order. Columns add up to 1, or are all 0.
    """
    basis = fourier_basis(len(scores))
    energy = basis.energy_per_frequency(basis.transform(scores))
    return np.asarray(energy / np.maximum(energy.sum(axis=0), np.finfo(float).tiny))


def _centred_products(rows: Float[np.ndarray, "N D"]) -> Float64[np.ndarray, "N N"]:
    """Inner products of the centred rows, float64 [N, N], with one block of columns at a time."""
    products = np.zeros((len(rows), len(rows)))
    for at in range(0, rows.shape[1], 8192):
        block = rows[:, at : at + 8192].astype(np.float64)
        block -= block.mean(axis=0)
        products += block @ block.T
    return products

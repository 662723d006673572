"""What films need beyond the logged metrics: one sinusoid at a frequency that was chosen before.

The parts are those of the definitions, "Neurons" and "Embedding"; only the frequency is given
from outside instead of being the best of the epoch.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, Real

from grokking.groups.basis import fourier_basis
from grokking.metrics.neurons import DEAD_ENERGY


@dataclass(frozen=True)
class FixedSinusoid:
    """Least-squares sinusoids ``offset + cosine·cos(ω_k s) + sine·sin(ω_k s)``, one per neuron.

    n: group order.  frequency: int64 [m], the k of each neuron.
    offset, cosine, sine: float64 [m], in units of the activation; sine is 0 for k = n/2.
    r2: float64 [m], energy of the mean activation at k over its energy without the mean; NaN for
    a neuron that is dead at this epoch.  Never above ``neuron_r2``, and equal if k is its best.
    """

    n: int
    frequency: Int[np.ndarray, "m"]
    offset: Float64[np.ndarray, "m"]
    cosine: Float64[np.ndarray, "m"]
    sine: Float64[np.ndarray, "m"]
    r2: Float64[np.ndarray, "m"]

    def at(self, s: Real[np.ndarray, "x"]) -> Float64[np.ndarray, "x m"]:
        """The sinusoids at group indices s [x], not only whole ones: float64 [x, m]."""
        angle = 2 * np.pi * np.outer(s, self.frequency) / self.n
        return self.offset + self.cosine * np.cos(angle) + self.sine * np.sin(angle)


def fixed_sinusoids(means: Float64[np.ndarray, "n m"], frequency: Int[np.ndarray, "m"]) -> FixedSinusoid:
    """Fit each column of ``means`` (float64 [n, m]: m_j[s]) at its own frequency (int [m], k >= 1).

    Raises ValueError for a frequency outside 1 … ⌊n/2⌋.
    """
    n = len(means)
    basis = fourier_basis(n)
    if not all(k in basis.frequencies for k in frequency):
        raise ValueError(f"frequencies {list(frequency)} are not all in 1 … {n // 2} of Z_{n}")
    cosine, sine, energy = np.empty((3, means.shape[1]))
    for j, k in enumerate(frequency):
        rows = basis.rows[basis.rows_of(int(k))]
        coefficients = rows @ means[:, j]
        # A unit row is a cosine times its value at s = 0; this undoes that scale.
        scale = rows[0, 0]
        energy[j] = coefficients @ coefficients
        cosine[j] = coefficients[0] * scale
        sine[j] = coefficients[1] * scale if len(coefficients) == 2 else 0.0
    total = ((means - means.mean(axis=0)) ** 2).sum(axis=0)
    alive = total > DEAD_ENERGY
    r2 = np.where(alive, energy / np.where(alive, total, 1.0), np.nan)
    return FixedSinusoid(n, np.asarray(frequency), means.mean(axis=0), cosine, sine, np.minimum(r2, 1.0))


def mean_circle(coordinates: Float64[np.ndarray, "n 2"]) -> tuple[Float64[np.ndarray, "2"], float]:
    """The circle that ``embedding_circularity`` measures points [n, 2] against.

    Returns their centroid, float64 [2], and their mean distance from it.
    """
    centre = coordinates.mean(axis=0)
    return centre, float(np.linalg.norm(coordinates - centre, axis=1).mean())

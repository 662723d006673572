"""How much of a grid over pairs (a, b) sits at equal frequencies along a and b.

A wave of a + b or of a - b is a sum of products of waves of one frequency, so its energy in the 2-D
spectrum (``metrics.spectra2d``) sits at (k, k); what is memorised pair by pair sits anywhere.
"""

import numpy as np
from jaxtyping import Float, Float64
from torch import Tensor

from grokking.metrics.spectra2d import energy_by_frequencies, spectrum_2d


def energy_spectrum(grid: Float[Tensor, "n n *columns"]) -> Float64[np.ndarray, "n//2+1 n//2+1"]:
    """Energy per pair of frequencies, float64 [⌊n/2⌋ + 1, ⌊n/2⌋ + 1], of grid [n, n] or [n, n, m].

    Entry (i, j) belongs to frequency i along a and j along b; 0 is the constant. Columns m (neurons,
    answer classes) are added up, and the sum of all entries is the grid's Σ f².
    """
    energy = energy_by_frequencies(spectrum_2d(grid))
    return np.asarray(energy if energy.ndim == 2 else energy.sum(axis=2))


def diagonal_share(energy: Float64[np.ndarray, "m m"]) -> float | None:
    """Share of the energy off the constant that sits at (k, k), k ≥ 1; None where there is none.

    energy: of ``energy_spectrum``.
    """
    total = float(energy.sum() - energy[0, 0])
    return float(np.diagonal(energy)[1:].sum() / total) if total > 0 else None

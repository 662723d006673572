"""Functions of two operands as waves in both: 2-D Fourier spectra (Nanda et al. 2023, section 4.1).

A function of (a, b) over a group of order n is a sum of products of a row of the Fourier basis in
a and one in b. Axes 0 and 1 of every ``grid`` are the group indices of a and b.

A wave of a + b or of a - b is a sum of products of waves of one frequency, so its energy in the 2-D
spectrum (``metrics.spectra2d``) sits at (k, k); what is memorised pair by pair sits anywhere.
"""

import numpy as np
from jaxtyping import Float, Float64
from torch import Tensor

from grokking.groups.basis import BlockBasis, fourier_basis


def spectrum_2d(
    grid: Float[Tensor, "n n *columns"], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "n n *columns"]:
    """Coefficients in the products of basis rows, float64 [n, n, …], of grid [n, n, …].

    Orthonormal: the sum of squares is that of the grid.
    """
    n = len(grid)
    rows = (basis or fourier_basis(n)).tensor
    by_a = (rows @ grid.detach().cpu().double().reshape(n, -1)).view(n, n, -1)
    return np.asarray((rows @ by_a).numpy().reshape(grid.shape))


def logit_spectrum(
    logits: Float[Tensor, "n n n"], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "n n"]:
    """L2 norm over the classes of every 2-D coefficient, float64 [n, n], of logits [n, n, n].

    Logits are centred over the classes first: what all classes share changes no probability.
    """
    exact = logits.detach().cpu().double()
    return np.asarray(np.linalg.norm(spectrum_2d(exact - exact.mean(dim=2, keepdim=True), basis), axis=2))


def energy_by_frequencies(
    coefficients: Float64[np.ndarray, "n n *columns"], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "m m *columns"]:
    """Energy at frequency i in a and j in b, float64 [⌊n/2⌋ + 1, ⌊n/2⌋ + 1, …]; 0 is the constant.

    Cosines and sines of a frequency are added up: up to four of the coefficients [n, n, …].
    """
    basis = basis or fourier_basis(len(coefficients))
    by_a = _fold(coefficients**2, basis)
    return np.moveaxis(_fold(np.moveaxis(by_a, 1, 0), basis), 0, 1)


def _fold(squares: Float64[np.ndarray, "n *columns"], basis: BlockBasis) -> Float64[np.ndarray, "m *columns"]:
    """Add up the rows of each frequency, or block: [n, …] to [n_blocks, …], row k being frequency k."""
    return np.stack([squares[basis.rows_of(k)].sum(axis=0) for k in range(basis.n_blocks)])


def energy_spectrum(
    grid: Float[Tensor, "n n *columns"], basis: BlockBasis | None = None
) -> Float64[np.ndarray, "m m"]:
    """Energy per pair of frequencies, float64 [⌊n/2⌋ + 1, ⌊n/2⌋ + 1], of grid [n, n] or [n, n, m].

    Entry (i, j) belongs to frequency i along a and j along b; 0 is the constant. Columns m (neurons,
    answer classes) are added up, and the sum of all entries is the grid's Σ f². With the basis of another
    group: per pair of blocks, [n_blocks, n_blocks]; a function of the product lies at (block, block).
    """
    energy = energy_by_frequencies(spectrum_2d(grid, basis), basis)
    return np.asarray(energy if energy.ndim == 2 else energy.sum(axis=2))


def diagonal_share(energy: Float64[np.ndarray, "m m"]) -> float | None:
    """Share of the energy off the constant that sits at (k, k), k ≥ 1; None where there is none.

    energy: of ``energy_spectrum``.
    """
    total = float(energy.sum() - energy[0, 0])
    return float(np.diagonal(energy)[1:].sum() / total) if total > 0 else None

"""How purely a neuron speaks one frequency, and whether its phases add up (definitions, "Phases of neurons").

A neuron that computes cos(ω_k a + φ_a) + cos(ω_k b + φ_b) and is read out by cos(ω_k c + φ_c) helps the
right answer c = a + b where φ_c = φ_a + φ_b (2602.16849; for a product of two waves the sum is exact).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex128, Float, Float64, Int64

from grokking.groups.basis import fourier_basis
from grokking.metrics.block_names import with_frequencies
from grokking.metrics.readout import neuron_logit_map
from grokking.metrics.registry import METRICS, NEURONS, PROGRESS, Metric, Row, Scope

COLUMNS = ("inverse_participation_ratio", "phase_alignment", "phase_alignment_null")
N_SHUFFLES = 200
NULL_QUANTILE = 0.95
TINY = float(np.finfo(float).tiny)


def inverse_participation_ratio(
    energy: Float[np.ndarray, "frequencies columns"],
) -> Float64[np.ndarray, "columns"]:
    """Σ_k e_k² / (Σ_k e_k)² of energies e by frequency: 1 for one frequency, 1/m for m equal ones, 0 for
    none."""
    total = energy.sum(axis=0)
    return np.asarray((energy**2).sum(axis=0) / np.maximum(total**2, TINY), dtype=float)


@dataclass(frozen=True)
class Phases:
    """Of each neuron at the frequency at which it reads its operands most strongly.

    frequency: int64 [d_mlp].  of_a, of_b, of_answer: complex128 [d_mlp], A e^{iφ} of the wave A cos(ω_k x
    + φ).
    """

    frequency: Int64[np.ndarray, "d_mlp"]
    of_a: Complex128[np.ndarray, "d_mlp"]
    of_b: Complex128[np.ndarray, "d_mlp"]
    of_answer: Complex128[np.ndarray, "d_mlp"]


def waves(
    table: Float64[np.ndarray, "n columns"], k: Int64[np.ndarray, "columns"]
) -> Complex128[np.ndarray, "columns"]:
    """A e^{iφ} of the wave A cos(ω_k x + φ) in each column at its own frequency."""
    n = len(table)
    turns = np.exp(-2j * np.pi * np.outer(np.arange(n), k) / n)
    return np.asarray(2 * (table * turns).sum(axis=0) / n)


def phases_of(
    by_a: Float64[np.ndarray, "n d_mlp"],
    by_b: Float64[np.ndarray, "n d_mlp"],
    by_answer: Float64[np.ndarray, "n d_mlp"],
) -> Phases:
    """Phases from the mean activation by a and by b, and from what each neuron adds to every class."""
    basis = fourier_basis(len(by_a))
    energy = sum(basis.energy_per_frequency(basis.transform(table)) for table in (by_a, by_b))
    k = np.asarray(energy).argmax(axis=0) + 1
    return Phases(k, waves(by_a, k), waves(by_b, k), waves(by_answer, k))


def alignment(phases: Phases, sign: int = 1) -> tuple[float | None, float | None]:
    """Mean cosine of φ_c - (φ_a ± φ_b) over neurons, weighted by amplitude, and its 95 % null.

    sign: of b in the answer.  Null: the output phases change neurons of the same frequency at random, 200
    seeded shuffles; None, None if no neuron has all three waves.
    """
    product = phases.of_a * (phases.of_b if sign > 0 else phases.of_b.conj())
    inputs, weight = _unit(product), np.abs(product) * np.abs(phases.of_answer)
    total = float(weight.sum())
    if total <= 0:
        return None, None
    output = _unit(phases.of_answer)
    value = float((weight * (output * inputs.conj()).real).sum() / total)
    generator = np.random.default_rng(0)
    shuffled = []
    for _ in range(N_SHUFFLES):
        # Sorted by frequency with ties at random, twice: a permutation inside each frequency.
        first, second = (np.lexsort((generator.random(len(weight)), phases.frequency)) for _ in range(2))
        mean = (weight[first] * (output[second] * inputs[first].conj()).real).sum() / total
        shuffled.append(float(mean))
    return value, float(np.quantile(shuffled, NULL_QUANTILE))


def _unit(z: Complex128[np.ndarray, "d_mlp"]) -> Complex128[np.ndarray, "d_mlp"]:
    return np.asarray(z / np.maximum(np.abs(z), TINY))


def _measure(scope: Scope) -> Row:
    if not {"write", "unembedding"} <= set(scope.acts.matrices):
        return dict.fromkeys(COLUMNS)
    grid = scope.pairs
    neurons = scope.acts.neuron_grid(grid).cpu()
    by_a, by_b = (neurons.mean(dim=axis).double().numpy() for axis in (1, 0))
    read = neuron_logit_map(scope.acts, grid).T
    phases = phases_of(by_a, by_b, read - read.mean(axis=0))
    basis = fourier_basis(grid.n)
    energy = basis.energy_per_frequency(basis.transform(by_a))
    alive = energy.sum(axis=0) > TINY
    ratio = float(inverse_participation_ratio(energy)[alive].mean()) if alive.any() else None
    return dict(zip(COLUMNS, (ratio, *alignment(phases, grid.sign)), strict=True))


METRICS.register(
    Metric(
        "phase_alignment",
        _measure,
        COLUMNS,
        per_operation=True,
        applies=with_frequencies,
        when=PROGRESS,
        needs=frozenset({NEURONS}),
        table=COLUMNS[:2],
        goals={COLUMNS[0]: 1.0, COLUMNS[1]: 1.0},
        rank=86,
    )
)

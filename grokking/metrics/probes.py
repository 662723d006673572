"""Linear probes: can a quantity be read from vectors by one linear map, for values never fitted?

Ridge regression whose folds hold out *values*, not rows. Any function of a token is linear in the
embeddings of fewer tokens than dimensions, random ones too; only unseen values tell whether the
vectors carry the function. A row is fitted if none, and tested if all, of the quantities that the
targets depend on have a value of the held-out fold; other rows sit out. The ridge strength is chosen
inside the fitted rows, by the same rule, so that R² owes nothing to what it is measured on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from grokking.tasks.kinematics import KinematicsTask, height

N_FOLDS = 4
RIDGES = 10.0 ** np.arange(-6, 5, 2)
"""Strengths in units of the mean variance of a feature times the number of rows."""
N_SHUFFLES = 20


def _tan(angle: np.ndarray) -> np.ndarray:
    return np.asarray(np.tan(np.radians(angle)))


def _secant2(angle: np.ndarray) -> np.ndarray:
    return np.asarray(1 / np.cos(np.radians(angle)) ** 2)


@dataclass(frozen=True)
class Target:
    """A number that the formula for the height is made of.

    depends: indices of the quantities (angle, speed, distance) it is a function of.  of: angles in
    degrees, speeds in m/s, distances in m to its values.
    """

    name: str
    depends: tuple[int, ...]
    of: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


TARGETS = (
    Target("tan θ", (0,), lambda a, _v, _x: _tan(a)),
    Target("1/cos² θ", (0,), lambda a, _v, _x: _secant2(a)),
    Target("1/v₀²", (1,), lambda _a, v, _x: 1 / v**2),
    Target("x", (2,), lambda _a, _v, x: x),
    Target("x²", (2,), lambda _a, _v, x: x**2),
    Target("x tan θ", (0, 2), lambda a, _v, x: x * _tan(a)),
    Target("x²/cos² θ", (0, 2), lambda a, _v, x: x**2 * _secant2(a)),
    Target("x²/(v₀² cos² θ)", (0, 1, 2), lambda a, v, x: x**2 * _secant2(a) / v**2),
    Target("y", (0, 1, 2), height),
)


@dataclass(frozen=True)
class ProbeResult:
    """r2: on held-out values, over all folds; below 0 where the mean of the fitted rows does better.
    shuffled: the 95 % quantile of the same once it is shuffled which value has which magnitude.
    """

    r2: float
    shuffled: float


def probe(
    vectors: Float[np.ndarray, "rows d"],
    indices: Int[np.ndarray, "rows 3"],
    task: KinematicsTask,
    targets: Sequence[Target],
) -> dict[str, ProbeResult]:
    """R² of targets that depend on the same quantities, by name.

    vectors: float [N, d], one per row.  indices: int [N, 3], the row's place in ``task.values``.
    Raises ValueError if a quantity has too few values to hold some out twice.
    """
    depends = targets[0].depends
    magnitudes = [task.values, *_shuffles(task)]
    # [N, targets · (1 + shuffles)], the true magnitudes first for each target
    wanted = np.stack([t.of(*_looked_up(m, indices)) for t in targets for m in magnitudes], axis=1)
    folds = value_folds(indices[:, depends])
    missed, spread = np.zeros((2, wanted.shape[1]))
    for k in range(N_FOLDS):
        fit, test = (folds != k).all(axis=1), (folds == k).all(axis=1)
        ridge = _best_ridge(vectors, wanted, folds, k)
        missed += _take(_squared_errors(vectors, wanted, fit, test), ridge)
        spread += ((wanted[test] - wanted[fit].mean(axis=0)) ** 2).sum(axis=0)
    r2 = (1 - missed / spread).reshape(len(targets), -1)
    return {
        t.name: ProbeResult(float(row[0]), float(np.quantile(row[1:], 0.95)))
        for t, row in zip(targets, r2, strict=True)
    }


def value_folds(indices: Int[np.ndarray, "rows m"]) -> Int[np.ndarray, "rows m"]:
    """The fold of every value, int [N, m] to int [N, m]: present values are dealt out in turn."""
    folds = [np.unique(column, return_inverse=True)[1] % N_FOLDS for column in indices.T]
    return np.stack(folds, axis=1)


def _best_ridge(vectors: np.ndarray, wanted: np.ndarray, folds: np.ndarray, k: int) -> np.ndarray:
    """Index into RIDGES per column, chosen on another fold of the rows that are fitted."""
    other = (k + 1) % N_FOLDS
    fit, check = ((folds != k) & (folds != other)).all(axis=1), (folds == other).all(axis=1)
    if not (fit.any() and check.any() and (folds == k).all(axis=1).any()):
        raise ValueError(f"too few values for {N_FOLDS} folds that hold out values")
    return np.asarray(_squared_errors(vectors, wanted, fit, check).argmin(axis=0))


def _squared_errors(vectors: np.ndarray, wanted: np.ndarray, fit: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Summed squared errors on the tested rows of every ridge strength, [ridges, columns]."""
    x, y = vectors[fit].astype(np.float64), wanted[fit]
    mean, level = x.mean(axis=0), y.mean(axis=0)
    gram = (x - mean).T @ (x - mean)
    energy, axes = np.linalg.eigh(gram)
    unit = max(np.trace(gram) / len(gram), np.finfo(float).tiny)
    read = axes.T @ ((x - mean).T @ (y - level))
    projected = (vectors[test].astype(np.float64) - mean) @ axes
    errors = [
        projected @ (read / (energy.clip(0)[:, None] + ridge * unit)) + level - wanted[test]
        for ridge in RIDGES
    ]
    return np.stack([(e**2).sum(axis=0) for e in errors])


def _take(table: np.ndarray, row: np.ndarray) -> np.ndarray:
    return np.asarray(table[row, np.arange(table.shape[1])])


def _looked_up(values: Sequence[np.ndarray], indices: np.ndarray) -> list[np.ndarray]:
    return [v[column] for v, column in zip(values, indices.T, strict=True)]


def _shuffles(task: KinematicsTask) -> list[list[np.ndarray]]:
    """``task.values`` with the trained values of every quantity permuted, seeded."""
    rng, out = np.random.default_rng(0), []
    for _ in range(N_SHUFFLES):
        copies = [values.copy() for values in task.values]
        for copy, trained in zip(copies, task.trained, strict=True):
            copy[trained] = rng.permutation(copy[trained])
        out.append(copies)
    return out

"""Planes in a block of functions on a group: where the elements lie on the orbit of one point.

Two functions whose span is carried into itself by every translation f(x) → f(y·x) are the coordinates of an
orbit: the element x stands at ρ(x)·v, for a two-dimensional real representation ρ and a vector v. Right
translations f(x) → f(x·h) commute with the left ones, so the eigenspaces of R_h + R_h⁻¹ within a block are
carried into themselves; where all have two dimensions, they are such planes (Serre, "Linear representations
of finite groups", section 2.4). For a dihedral group and a reflection h, one plane's functions are constant
on the cosets x·{1, h}: rotations and reflections lie on one regular polygon.
"""

import numpy as np
from jaxtyping import Float64

from grokking.groups.base import Group

EQUAL = 1e-6
"""Eigenvalues that differ by less are one; they lie between -2 and 2."""


def planes_of(group: Group, block: int) -> list[Float64[np.ndarray, "2 n"]]:
    """Planes that make up a block, each as two orthonormal rows float64 [2, n]; none where it has no such.

    A block of degree 3 or more has none, nor has one whose representation is quaternionic, as that of Q8.
    In each plane the first row is largest at the identity, where the second is zero.
    """
    rows = group.basis.rows[group.basis.rows_of(block)]
    if len(rows) % 2 or len(rows) > 4:
        return []
    for h in group.class_structure.representatives:
        right = rows[:, group.table[:, h]] @ rows.T
        values, vectors = np.linalg.eigh(right + right.T)
        pairs = values.reshape(-1, 2)
        apart = np.diff(pairs.mean(axis=1)) > EQUAL
        if np.ptp(pairs, axis=1).max() < EQUAL and apart.all():
            spaces = vectors.T.reshape(-1, 2, len(rows)) @ rows
            return [_turned(space, group.identity) for space in spaces[::-1]]
    return []


def _turned(plane: Float64[np.ndarray, "2 n"], identity: int) -> Float64[np.ndarray, "2 n"]:
    """The same plane, turned so that the identity lies on its first axis."""
    x, y = plane[:, identity] / np.linalg.norm(plane[:, identity])
    return np.array([[x, y], [-y, x]]) @ plane


def phases(plane: Float64[np.ndarray, "2 n"]) -> Float64[np.ndarray, "n"]:
    """The angle of each element on the orbit, in turns from 0 up to 1: float64 [n]."""
    turns = np.arctan2(plane[1], plane[0]) / (2 * np.pi)
    return np.round(turns, 9) % 1.0

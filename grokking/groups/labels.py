"""Names of blocks: trivial, sign, standard, standard ⊗ sign, frequencies of dihedral groups, else 5a, 5b, …

The rule is in the definitions, "Any finite group". Cyclic groups label their blocks by frequency and do
without it. Among blocks of one degree the letter a goes to the larger character values in the order of the
classes: in S5, 5a is 1 on transpositions and 5b is -1 (Chughtai et al. 2023 call the latter s5_5d_a).
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

TENSOR_SIGN = " ⊗ sign"


@dataclass(frozen=True, eq=False)
class LabelHints:
    """Facts about a group in addition to its table, so that its blocks get their usual names.

    fixed_points: int64 [n] or None; for a group of permutations, how many points each element fixes.
    rotation: index of the rotation by 2π/m of a dihedral group of order 2m, or None.
    """

    fixed_points: Int64[np.ndarray, "n"] | None = None
    rotation: int | None = None

    def carried_over(self, isomorphism: Int64[np.ndarray, "n"]) -> "LabelHints":
        """The same knowledge for another group; its element x is ``isomorphism[x]``, int64 [n], of this."""
        fixed = None if self.fixed_points is None else self.fixed_points[isomorphism]
        rotation = None if self.rotation is None else int(np.flatnonzero(isomorphism == self.rotation)[0])
        return LabelHints(fixed, rotation)


def letters(number: int) -> str:
    """0, 1, …, 25, 26, … to a, b, …, z, aa, …"""
    head, last = divmod(number, 26)
    return (letters(head - 1) if head else "") + chr(ord("a") + last)


def block_labels(
    characters: Float64[np.ndarray, "n_blocks n"], degrees: list[int], hints: LabelHints, n_points: int
) -> list[str]:
    """One label per block, in the blocks' order.

    characters: float64 [n_blocks, n], each block's real character on every element, trivial block first.
    degrees: degree of the irreducible character of each block.  n_points: degree of the permutation
    representation that ``hints`` knows, 0 without one.
    """
    labels: dict[int, str] = {0: "trivial"}
    labels |= _sign_labels(characters, degrees, hints)
    labels |= _standard_labels(characters, labels, hints, n_points)
    labels |= _rotation_labels(characters, degrees, hints)
    count: dict[int, int] = defaultdict(int)
    for block, degree in enumerate(degrees):
        if block not in labels:
            labels[block] = f"{degree}{letters(count[degree])}"
            count[degree] += 1
    return [labels[block] for block in range(len(degrees))]


def _sign_labels(
    characters: Float64[np.ndarray, "n_blocks n"], degrees: list[int], hints: LabelHints
) -> dict[int, str]:
    """sign, sign b, sign c, …; for a dihedral group the one that is 1 on rotations comes first."""
    signs = [
        block
        for block in range(1, len(degrees))
        if degrees[block] == 1 and np.allclose(np.abs(characters[block]), 1)
    ]
    if hints.rotation is not None:
        rotation = hints.rotation
        signs.sort(key=lambda block: -characters[block, rotation])
    return {block: "sign" if i == 0 else f"sign {letters(i)}" for i, block in enumerate(signs)}


def _standard_labels(
    characters: Float64[np.ndarray, "n_blocks n"], labels: dict[int, str], hints: LabelHints, n_points: int
) -> dict[int, str]:
    """standard: the permutation character less the trivial one; and its product with the sign."""
    if hints.fixed_points is None or n_points < 3:
        return {}
    standard = hints.fixed_points - 1.0
    found = {block: "standard" for block in _equal_to(standard, characters)}
    for sign, label in labels.items():
        if label == "sign":
            product = _equal_to(standard * characters[sign], characters)
            found |= {block: "standard" + TENSOR_SIGN for block in product if block not in found}
    return found


def _rotation_labels(
    characters: Float64[np.ndarray, "n_blocks n"], degrees: list[int], hints: LabelHints
) -> dict[int, str]:
    """k for each two-dimensional block of a dihedral group: its character at the rotation is 2·cos(2πk/m)."""
    if hints.rotation is None:
        return {}
    m = characters.shape[1] // 2
    halves = np.clip(characters[:, hints.rotation] / 2, -1, 1)
    return {
        block: str(round(float(np.arccos(halves[block])) * m / (2 * np.pi)))
        for block, degree in enumerate(degrees)
        if degree == 2
    }


def _equal_to(values: Float64[np.ndarray, "n"], characters: Float64[np.ndarray, "n_blocks n"]) -> list[int]:
    return [int(b) for b in np.flatnonzero(np.abs(characters - values).max(axis=1) < 1e-6)]

"""Irreducible characters and real isotypic blocks of a finite group, from its multiplication table.

The class sums of a group commute, and their common eigenvectors are the characters (Burnside's method; Dixon,
"High speed computation of group characters", 1967; Isaacs, "Character theory of finite groups", chapter 3).
A random combination of the class matrices is Hermitian in the right scaling and separates all characters, so
one eigendecomposition of an r × r matrix finds them, r being the number of classes. The values are then made
exact: on the powers of an element a character is a sum of d roots of unity, and how often each root occurs is
an integer that can be rounded.

The projector on the block of an irreducible character χ of degree d, for functions on the group, is
``P[x, y] = (d / n) χ(x·y⁻¹)`` (Serre, "Linear representations of finite groups", section 2.6). Two
complex-conjugate characters share one real block, whose projector is the sum of both.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex128, Float64, Int64

from grokking.groups.basis import Block, BlockBasis
from grokking.groups.labels import LabelHints, block_labels
from grokking.groups.table import ClassStructure, powers_of

ATTEMPTS = 5
"""Random combinations that are tried before the computation is given up; one nearly always suffices."""
TOLERANCE = 1e-8
"""How far a sum over the group may be from the integer that theory says it is, relative to the order n."""
ROUNDING = 1e-3
"""How far a computed degree or multiplicity may be from an integer before the attempt counts as failed."""


class CharacterError(ArithmeticError):
    """The table given is not a group's, or no combination of class matrices separated the characters."""


def irreducible_characters(structure: ClassStructure) -> Complex128[np.ndarray, "r r"]:
    """complex128 [r, r]: the value of each irreducible character on each conjugacy class.

    Trivial character first, then by degree, then by values in the order of the classes, larger ones first.
    Raises CharacterError where the result does not satisfy Σ d² = n and the orthogonality relations.
    """
    reason = ""
    for seed in range(ATTEMPTS):
        try:
            approximate = _separate(structure, np.random.default_rng(seed))
            return _sorted(_verified(_exact_values(structure, approximate), structure))
        except (CharacterError, np.linalg.LinAlgError) as error:
            reason = str(error)
    raise CharacterError(f"no characters found for this table of order {len(structure.table)}: {reason}")


def class_matrices_combined(
    structure: ClassStructure, weights: Float64[np.ndarray, "r"]
) -> Float64[np.ndarray, "r r"]:
    """Σ_i w_i M_i, [r, r], of the class matrices M_i[j, k] = #{x in C_i, y in C_j: x·y = z_k}.

    weights: float64 [r].  z_k is the representative of class k. No single M_i is built: the table is read
    once per class.
    """
    class_of, r = structure.class_of, len(structure.classes)
    combined = np.empty((r, r))
    for k, z in enumerate(structure.representatives):
        x_for_each_y = structure.table[z, structure.inverses]
        combined[:, k] = np.bincount(class_of, weights[class_of[x_for_each_y]], r)
    return combined


def _separate(structure: ClassStructure, generator: np.random.Generator) -> np.ndarray:
    """Characters [r, r] to about eight digits, from the eigenvectors of a random Hermitian combination."""
    sizes, n = structure.sizes, len(structure.table)
    real, imaginary = (
        # Dividing by the class size gives each class an equal part in the eigenvalues.
        class_matrices_combined(structure, generator.normal(size=len(sizes)) / sizes)
        for _ in range(2)
    )
    scale = np.sqrt(sizes)
    scaled = (real + 1j * imaginary) * scale / scale[:, None]
    _, vectors = np.linalg.eigh(scaled + scaled.conj().T)
    units = vectors.T / np.exp(1j * np.angle(vectors[0]))[:, None]
    return np.asarray(units * np.sqrt(n / sizes))


def _exact_values(structure: ClassStructure, approximate: np.ndarray) -> np.ndarray:
    """The characters with every value rebuilt from integer multiplicities of roots of unity."""
    exact = np.zeros_like(approximate)
    class_of, done = structure.class_of, np.zeros(len(structure.classes), dtype=bool)
    orders = structure.orders[structure.representatives]
    for number in np.argsort(-orders, kind="stable"):
        if not done[number]:
            powers = powers_of(structure.table, structure.identity, structure.representatives[number])
            classes = class_of[powers]
            multiplicities = np.fft.fft(approximate[:, classes], axis=1) / len(powers)
            rounded = np.round(multiplicities.real)
            if np.abs(multiplicities - rounded).max() > ROUNDING or rounded.min() < 0:
                raise CharacterError("the values are no sums of roots of unity")
            exact[:, classes] = np.fft.ifft(rounded * len(powers), axis=1)
            done[classes] = True
    return _near_integers_rounded(exact)


def _near_integers_rounded(values: np.ndarray) -> np.ndarray:
    real, imaginary = (
        np.where(np.abs(part - np.round(part)) < 1e-10, np.round(part), part)
        for part in (values.real, values.imag)
    )
    # Adding 0 turns -0.0 into 0.0.
    return (real + 0.0) + 1j * (imaginary + 0.0)


def _verified(characters: np.ndarray, structure: ClassStructure) -> np.ndarray:
    """The same characters; raises CharacterError unless they satisfy what theory demands of them."""
    n, degrees = len(structure.table), characters[:, 0].real
    if round(float((degrees**2).sum())) != n:
        raise CharacterError(f"the squares of the degrees add up to {(degrees**2).sum():g}, not to {n}")
    if (n % np.round(degrees) != 0).any():
        raise CharacterError("a degree does not divide the order of the group")
    products = (characters * structure.sizes) @ characters.conj().T / n
    if np.abs(products - np.eye(len(products))).max() > TOLERANCE:
        raise CharacterError("the characters are not orthogonal")
    return characters


def _sorted(characters: np.ndarray) -> np.ndarray:
    """By degree, then values, larger first; complex-conjugate characters become neighbours."""

    def key(values: np.ndarray) -> tuple[float, ...]:
        real, imaginary = np.round(values.real, 6), np.round(values.imag, 6)
        return (real[0], *(-real), *(-imaginary))

    return np.array(sorted(characters, key=key))


def joined_pairs(
    characters: Complex128[np.ndarray, "r r"], sizes: Int64[np.ndarray, "r"]
) -> list[tuple[int, ...]]:
    """Which characters form a real block: (i,) for a real one, (i, j) with i < j for a conjugate pair.

    characters: complex128 [r, r].  sizes: int64 [r], of the classes.
    """
    # Entry i, j is the order of the group where character j is the conjugate of character i, and 0 elsewhere.
    conjugate = np.abs((characters * sizes) @ characters.T).argmax(axis=1)
    pairs = [(i, int(j)) for i, j in enumerate(conjugate) if i <= j]
    return [(i,) if i == j else (i, j) for i, j in pairs]


TIE = 1e-9
"""Residuals that differ by less count as equal, so that rounding does not decide which element is taken."""


@dataclass(frozen=True, eq=False)
class RealCharacters:
    """The characters of the real blocks, in the order of the blocks; the trivial one first.

    values: float64 [n_blocks, n], on every element: χ, or χ + χ̄ for a joined pair.  degrees: of χ.
    labels: one per block.
    """

    values: Float64[np.ndarray, "n_blocks n"]
    degrees: list[int]
    labels: list[str]


def real_characters(structure: ClassStructure, hints: LabelHints) -> RealCharacters:
    """The blocks of a group with their labels, sorted by degree; those labelled k by k."""
    characters = irreducible_characters(structure)
    pairs = joined_pairs(characters, structure.sizes)
    degrees = [round(float(characters[pair[0], 0].real)) for pair in pairs]
    by_class = np.array([characters[list(pair)].sum(axis=0).real for pair in pairs])
    values = by_class[:, structure.class_of]
    fixed = hints.fixed_points
    points = 0 if fixed is None else int(fixed[structure.identity])
    labels = block_labels(values, degrees, hints, points)
    order = sorted(range(len(pairs)), key=lambda i: _rank(labels[i], degrees[i], i))
    return RealCharacters(values[order], [degrees[i] for i in order], [labels[i] for i in order])


def _rank(label: str, degree: int, position: int) -> tuple[int, int, int, int]:
    """Trivial first, then by degree; frequencies by number; signs by letter; the rest as they stand."""
    number = int(label) if label.isdigit() else 0
    is_sign = label.split(" ")[0] == "sign"
    return (0 if label == "trivial" else degree, number, len(label) if is_sign else 99, position)


def projector(
    character: Float64[np.ndarray, "n"], degree: int, quotients: Int64[np.ndarray, "n n"]
) -> Float64[np.ndarray, "n n"]:
    """P[x, y] = (d / n) χ(x·y⁻¹), float64 [n, n].

    character: float64 [n], a block's real character.  degree: d.  quotients: int64 [n, n], x·y⁻¹.
    """
    return character[quotients] * (degree / len(character))


def isotypic_basis(structure: ClassStructure, characters: RealCharacters) -> BlockBasis:
    """The orthonormal basis whose blocks are the isotypic blocks.

    The first row of each block is its character, scaled to unit norm, where the identity has index 0.
    Raises CharacterError if the rows are not orthonormal to 1e-12.
    """
    n, quotients = len(structure.table), structure.table[:, structure.inverses]
    rows: list[np.ndarray] = []
    blocks: list[Block] = []
    for values, degree, label in zip(characters.values, characters.degrees, characters.labels, strict=True):
        matrix = projector(values, degree, quotients)
        block = _orthonormal_rows(matrix, rank=round(float(np.trace(matrix))))
        start = blocks[-1].rows.stop if blocks else 0
        blocks.append(Block(label, degree, slice(start, start + len(block))))
        rows.append(block)
    basis = np.ascontiguousarray(np.concatenate(rows))
    if basis.shape != (n, n) or np.abs(basis @ basis.T - np.eye(n)).max() > 1e-12:
        raise CharacterError("the basis of the blocks is not orthonormal")
    basis.setflags(write=False)
    return BlockBasis(basis, tuple(blocks))


def _orthonormal_rows(matrix: Float64[np.ndarray, "n n"], rank: int) -> Float64[np.ndarray, "rank n"]:
    """Orthonormal rows [rank, n] that span the range of a projector [n, n].

    Pivoted Cholesky: the columns of L in P = L·Lᵀ are orthonormal where P is a projector. Cheap for the
    many small blocks of an abelian group.
    """
    rows = np.zeros((rank, len(matrix)))
    residual = np.diag(matrix).copy()
    for i in range(rank):
        pivot = int(np.argmax(residual > residual.max() - TIE))
        # A sum over axis 0 adds row after row on every machine and for any number of threads, unlike BLAS:
        # the basis has the same bits everywhere.
        row = matrix[pivot] - (rows[:i, pivot, None] * rows[:i]).sum(axis=0)
        rows[i] = row / np.sqrt(row[pivot])
        residual -= rows[i] ** 2
    return rows

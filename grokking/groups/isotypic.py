"""Real isotypic blocks of a finite group: from characters to projectors to an orthonormal basis.

The projector on the block of an irreducible character χ of degree d, for functions on the group, is
``P[x, y] = (d / n) χ(x·y⁻¹)`` (Serre, "Linear representations of finite groups", section 2.6). Two
complex-conjugate characters share one real block, whose projector is the sum of both.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from grokking.groups.basis import Block, BlockBasis
from grokking.groups.characters import CharacterError, irreducible_characters, joined_pairs
from grokking.groups.conjugacy import ClassStructure
from grokking.groups.labels import LabelHints, block_labels

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

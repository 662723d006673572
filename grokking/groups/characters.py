"""Irreducible characters of a finite group, from its multiplication table alone.

The class sums of a group commute, and their common eigenvectors are the characters (Burnside's method; Dixon,
"High speed computation of group characters", 1967; Isaacs, "Character theory of finite groups", chapter 3).
A random combination of the class matrices is Hermitian in the right scaling and separates all characters, so
one eigendecomposition of an r × r matrix finds them, r being the number of classes. The values are then made
exact: on the powers of an element a character is a sum of d roots of unity, and how often each root occurs is
an integer that can be rounded.
"""

import numpy as np
from jaxtyping import Complex128, Float64, Int64

from grokking.groups.conjugacy import ClassStructure, powers_of

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

"""Groups by name, ``named_group("s5")``, ``"d59"``, ``"c2xc4"``, and groups of permutations.

A family is one function from its number to a ``Group``, with the decorator ``group_family``; a name is the
family's letter followed by the number, and products are names joined by "x".
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product
from math import factorial, prod

import numpy as np
from jaxtyping import Int64

from grokking.errors import UserError
from grokking.groups.base import Group
from grokking.groups.cyclic import CyclicGroup, additive_group
from grokking.groups.labels import LabelHints


def permutation_group(name: str, members: Int64[np.ndarray, "n k"]) -> Group:
    """The group of these permutations; the product σ·τ applies τ first.

    members: int64 [n, k], images of 0 … k - 1, closed under composition and in lexicographic order.
    """
    k = members.shape[1]
    place = k ** np.arange(k - 1, -1, -1, dtype=np.int64)
    # (σ·τ)(i) = σ(τ(i)); read as numbers to base k, permutations in lexicographic order are sorted.
    products = members[:, members] @ place
    table = np.searchsorted(members @ place, products)
    fixed = (members == np.arange(k)).sum(axis=1)
    labels = [cycle_notation(permutation) for permutation in members]
    return Group(name, table, labels, title=name.upper(), hints=LabelHints(fixed_points=fixed))


def cycle_notation(permutation: Int64[np.ndarray, "k"]) -> str:
    """Images of 0 … k - 1 to cycles of 1 … k: [1, 2, 0, 3] to "(1 2 3)"; the identity is "()"."""
    seen: set[int] = set()
    cycles = []
    for start in range(len(permutation)):
        cycle, at = [], start
        while at not in seen:
            seen.add(at)
            cycle.append(at + 1)
            at = int(permutation[at])
        if len(cycle) > 1:
            cycles.append("(" + " ".join(map(str, cycle)) + ")")
    return "".join(cycles) or "()"


MAX_ORDER = 1000
"""Largest order of a group that is computed from its table."""
MAX_CYCLIC_ORDER = 9973
"""Largest order of a cyclic group, which needs no table."""


@dataclass(frozen=True)
class GroupFamily:
    """A family of groups with one number.

    letters: the names' beginnings, the usual one first.  build: the number to the group.
    numbers: those accepted.  accepted: the same in words, with an example.  order: the number to the order.
    """

    letters: tuple[str, ...]
    build: Callable[[int], Group]
    numbers: range
    order: Callable[[int], int]
    accepted: str


FAMILIES: dict[str, GroupFamily] = {}
"""The families by the letters of their names."""


def group_family(
    *letters: str, numbers: range, order: Callable[[int], int], accepted: str
) -> Callable[[Callable[[int], Group]], Callable[[int], Group]]:
    """Register the decorated function as the family of the names that begin with ``letters``.

    numbers, order, accepted: see ``GroupFamily``. Raises ValueError if another family has the letters.
    """

    def register(build: Callable[[int], Group]) -> Callable[[int], Group]:
        family = GroupFamily(letters, build, numbers, order, accepted)
        for each in letters:
            if each in FAMILIES:
                raise ValueError(f"there are two group families named {each!r}")
            FAMILIES[each] = family
        return build

    return register


def accepted_names() -> str:
    """What ``named_group`` accepts, in words, for messages and help."""
    families = dict.fromkeys(family.accepted for family in FAMILIES.values())
    return f"{'; '.join(families)}; or products of them, as s3xc2, up to order {MAX_ORDER}"


@lru_cache(maxsize=64)
def named_group(name: str) -> Group:
    """The group of that name; capital letters and spaces do not matter.

    A cyclic group is ``additive_group(n)``. Raises UserError, with what is accepted, for an unknown name.

    >>> named_group("s5").order, named_group("d59").order, named_group("C2 x C4").order
    (120, 118, 8)
    """
    factors = [_single(part, name) for part in name.lower().replace(" ", "").split("x")]
    order = prod(factor.order for factor in factors)
    if len(factors) > 1 and order > MAX_ORDER:
        raise UserError(f"{name} has order {order}; products are accepted up to order {MAX_ORDER}")
    return factors[0] if len(factors) == 1 else direct_product(*factors)


def is_group_name(name: str) -> bool:
    """True if ``named_group`` accepts the name."""
    try:
        named_group(name)
    except UserError:
        return False
    return True


def is_like_a_group_name(name: str) -> bool:
    """True if every factor begins with a family's letters and ends in digits; there may be no such group."""
    parts = name.lower().replace(" ", "").split("x")
    matches = [re.fullmatch(r"([a-z]+)[0-9]+", part) for part in parts]
    return all(match is not None and match[1] in FAMILIES for match in matches)


def _single(part: str, name: str) -> Group:
    match = re.fullmatch(r"([a-z]+)([0-9]{1,6})", part)
    family = FAMILIES.get(match[1]) if match else None
    if match is None or family is None:
        raise UserError(f"unknown group {name!r}; accepted: {accepted_names()}")
    if int(match[2]) not in family.numbers:
        raise UserError(f"there is no group {part!r} here; accepted: {family.accepted}")
    return family.build(int(match[2]))


@group_family(
    "c",
    "z",
    numbers=range(2, MAX_CYCLIC_ORDER + 1),
    order=lambda n: n,
    accepted=f"c<n> or z<n>: cyclic of order n, 2 to {MAX_CYCLIC_ORDER}, as c118",
)
def cyclic(n: int) -> Group:
    """Z_n under addition."""
    return additive_group(n)


@group_family(
    "s", numbers=range(2, 7), order=factorial, accepted="s<k>: symmetric of degree k, 2 to 6, as s5"
)
def symmetric(k: int) -> Group:
    """All permutations of 1 … k in lexicographic order; the product applies the right one first."""
    return permutation_group(f"s{k}", np.array(list(permutations(range(k))), dtype=np.int64))


@group_family(
    "a",
    numbers=range(3, 7),
    order=lambda k: factorial(k) // 2,
    accepted="a<k>: alternating of degree k, 3 to 6, as a5",
)
def alternating(k: int) -> Group:
    """The even permutations of 1 … k in lexicographic order; the product applies the right one first."""
    every = np.array(list(permutations(range(k))), dtype=np.int64)
    inversions = sum((every[:, i] > every[:, j]).astype(np.int64) for i in range(k) for j in range(i + 1, k))
    return permutation_group(f"a{k}", every[inversions % 2 == 0])


@group_family(
    "d",
    numbers=range(2, MAX_ORDER // 2 + 1),
    order=lambda m: 2 * m,
    accepted=f"d<m>: dihedral of order 2·m, m from 2 to {MAX_ORDER // 2}, as d59 of order 118",
)
def dihedral(m: int) -> Group:
    """Symmetries of the regular m-gon: rotations r^i have index i, reflections r^i·s index m + i."""
    rotation, flipped = _rotation_and_flip(m)
    # r^i s^a · r^j s^b = r^(i + (-1)^a j) s^(a + b)
    turn = rotation[:, None] + np.where(flipped[:, None], -rotation, rotation)
    table = turn % m + m * (flipped[:, None] ^ flipped)
    return Group(f"d{m}", table, _words(m, "s"), title=f"D{m}", hints=LabelHints(rotation=1))


@group_family(
    "q",
    numbers=range(8, MAX_ORDER + 1, 4),
    order=lambda n: n,
    accepted=f"q<n>: quaternion or dicyclic of order n, a multiple of 4 from 8 to {MAX_ORDER}, as q8",
)
def quaternion(n: int) -> Group:
    """⟨r, s: r^m = 1, s² = r^(m/2), s·r = r⁻¹·s⟩ with m = n/2; r^i has index i, r^i·s index m + i.

    n = 8, 16, 32, … gives the generalised quaternion groups, other multiples of 4 the dicyclic ones.
    """
    m = n // 2
    rotation, flipped = _rotation_and_flip(m)
    both = flipped[:, None] & flipped
    turn = rotation[:, None] + np.where(flipped[:, None], -rotation, rotation) + (m // 2) * both
    return Group(f"q{n}", turn % m + m * (flipped[:, None] ^ flipped), _words(m, "s"), title=f"Q{n}")


def _rotation_and_flip(m: int) -> tuple[np.ndarray, np.ndarray]:
    """int64 [2m]: exponent i of r^i or r^i·s by index; bool [2m]: whether there is an s."""
    every = np.arange(2 * m, dtype=np.int64)
    return every % m, every >= m


def _words(m: int, flip: str) -> list[str]:
    powers = ["", "r", *(f"r^{i}" for i in range(2, m))][:m]
    return [power or "1" for power in powers] + [f"{power}{' ' if power else ''}{flip}" for power in powers]


def direct_product(*factors: Group) -> Group:
    """Tuples of elements, multiplied in each place; in lexicographic order of the factors' indices."""
    table = factors[0].table
    for factor in factors[1:]:
        m = factor.order
        table = np.kron(table * m, np.ones((m, m), dtype=np.int64)) + np.tile(factor.table, (len(table),) * 2)
    elements = [f"({', '.join(parts)})" for parts in product(*(factor.elements for factor in factors))]
    names = [f"c{f.order}" if isinstance(f, CyclicGroup) else f.name for f in factors]
    return Group("x".join(names), table, elements, " × ".join(factor.title for factor in factors))

"""The name of a group given by its table, where it is of a named family or a small product of such groups."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Int64

from grokking.groups.base import Group
from grokking.groups.cyclic import prime_factors
from grokking.groups.families import FAMILIES, named_group
from grokking.groups.isomorphism import Undecided, find_isomorphism


@dataclass(frozen=True, eq=False)
class Recognition:
    """A named group and how the elements correspond.

    group: the named group.  isomorphism: int64 [n]; element x corresponds to ``isomorphism[x]`` of it. It is
    one of several: an automorphism of the group gives another.
    """

    group: Group
    isomorphism: Int64[np.ndarray, "n"]


def recognise(group: Group) -> Recognition | None:
    """The named group that is isomorphic to ``group``, proved by an isomorphism; None if no name fits.

    Families are tried in the order in which they are registered, then products.
    """
    for name in candidate_names(group):
        known = named_group(name)
        try:
            isomorphism = find_isomorphism(group, known)
        except Undecided:
            continue
        if isomorphism is not None:
            return Recognition(known, isomorphism)
    return None


def with_known_labels(group: Group) -> Group:
    """The same table and elements, its blocks labelled as those of the named group that it is isomorphic to.

    A group that has no name here is returned as it is.
    """
    found = recognise(group)
    return group if found is None else labelled_as(group, found)


def labelled_as(group: Group, found: Recognition) -> Group:
    """The same table and elements, with the title and the block labels of the recognised group."""
    hints = found.group.hints.carried_over(found.isomorphism)
    return Group(group.name, group.table, group.elements, found.group.title, hints)


def candidate_names(group: Group) -> Iterator[str]:
    """Names of the groups of that order, the plain families before the products."""
    n = group.order
    if group.is_cyclic:
        yield from [f"c{n}"] if n > 1 else []
    elif group.is_abelian:
        yield from ("x".join(f"c{m}" for m in factors) for factors in abelian_factors(n))
    else:
        plain = non_abelian_names(n)
        yield from plain
        for m in (m for m in range(6, n // 2 + 1) if n % m == 0):
            rest = ["x".join(f"c{k}" for k in factors) for factors in abelian_factors(n // m)]
            yield from (f"{name}x{other}" for name, other in product(non_abelian_names(m), rest))
        yield from _products_of_two(n)


def _products_of_two(n: int) -> Iterator[str]:
    for m in range(6, int(n**0.5) + 1):
        if n % m == 0:
            yield from (f"{a}x{b}" for a, b in product(non_abelian_names(m), non_abelian_names(n // m)))


def non_abelian_names(n: int) -> list[str]:
    """The names of the groups of order n, other than cyclic ones and products, that the families have."""
    families = dict.fromkeys(FAMILIES.values())
    return [
        f"{family.letters[0]}{number}"
        for family in families
        if family.letters[0] != "c"
        for number in family.numbers
        if family.order(number) == n
    ]


def abelian_factors(n: int) -> list[list[int]]:
    """Every abelian group of order n as orders of cyclic factors, each of which divides the next.

    >>> abelian_factors(8)
    [[8], [2, 4], [2, 2, 2]]
    """
    choices = []
    for p in prime_factors(n):
        exponent = 0
        while n % p ** (exponent + 1) == 0:
            exponent += 1
        choices.append([[p**e for e in parts] for parts in _partitions(exponent)])
    return [_invariant_factors(list(powers)) for powers in product(*choices)]


def _partitions(total: int, largest: int | None = None) -> Iterator[list[int]]:
    """The ways to write ``total`` as a sum of numbers that do not increase."""
    if total == 0:
        yield []
    for first in range(min(total, largest or total), 0, -1):
        yield from ([first, *rest] for rest in _partitions(total - first, first))


def _invariant_factors(powers: list[list[int]]) -> list[int]:
    """Prime powers, one descending list a prime, to factors of which each divides the next."""
    length = max((len(each) for each in powers), default=0)
    padded = [each + [1] * (length - len(each)) for each in powers]
    return [int(np.prod([each[i] for each in padded])) for i in reversed(range(length))]

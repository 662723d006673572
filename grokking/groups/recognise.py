"""The name of a group given by its table, found by explicit isomorphisms to groups of known families."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Int64

from grokking.groups.base import Group
from grokking.groups.cyclic import prime_factors
from grokking.groups.families import FAMILIES, named_group
from grokking.groups.table import powers_of


def subgroup_generated_by(group: Group, generators: Iterable[int]) -> Int64[np.ndarray, "order"]:
    """The smallest subgroup that contains the generators: sorted int64 [order]."""
    chosen = np.array(sorted({*generators}), dtype=np.int64)
    reached = np.zeros(group.order, dtype=bool)
    fresh = np.array([group.identity])
    while len(fresh):
        reached[fresh] = True
        # In a finite group inverses are powers, so products by the generators reach everything.
        products = np.unique(group.table[fresh[:, None], chosen])
        fresh = products[~reached[products]]
    return np.flatnonzero(reached)


def cyclic_subgroups(group: Group) -> list[Int64[np.ndarray, "_"]]:
    """Every subgroup of the powers of one element, once, as sorted int64 arrays; by order, then elements."""
    found = {tuple(np.sort(powers_of(group.table, group.identity, x)).tolist()) for x in range(group.order)}
    return [np.array(members) for members in sorted(found, key=lambda members: (len(members), members))]


def cosets(
    group: Group, subgroup: Int64[np.ndarray, "m"], side: str = "left"
) -> Int64[np.ndarray, "cosets m"]:
    """int64 [index of the subgroup, order of the subgroup]: one coset a row, sorted by smallest element.

    subgroup: int64 [m], the elements.  side: "left" for x·H, "right" for H·x.
    Raises ValueError for another side, or if the elements are no subgroup.
    """
    if side not in ("left", "right"):
        raise ValueError(f"side is 'left' or 'right', not {side!r}")
    if not np.array_equal(subgroup_generated_by(group, subgroup.tolist()), np.sort(subgroup)):
        raise ValueError(f"the {len(subgroup)} elements given are no subgroup of {group.name}")
    table = group.table if side == "left" else group.table.T
    return np.unique(np.sort(table[:, subgroup], axis=1), axis=0)


def all_subgroups(group: Group) -> list[Int64[np.ndarray, "_"]]:
    """Every subgroup once, as sorted int64 arrays; by order, then elements.

    Each is the join of a smaller one with a cyclic one, and so only one subgroup of each conjugacy class is
    extended: S5 has 156 in 19 classes, S6 has 1,455 in 56.
    """
    cyclic = cyclic_subgroups(group)
    found = {(group.identity,)}
    fresh = [np.array([group.identity])]
    while fresh:
        base = fresh.pop()
        for other in cyclic:
            joined = subgroup_generated_by(group, [*few_of(group, base), *few_of(group, other)])
            if tuple(joined.tolist()) not in found:
                found |= {tuple(c.tolist()) for c in conjugates(group, joined)}
                fresh.append(joined)
    return [np.array(members) for members in sorted(found, key=lambda members: (len(members), members))]


def few_of(group: Group, subgroup: Int64[np.ndarray, "m"]) -> list[int]:
    """A few elements that generate the subgroup, each outside the subgroup of those before it."""
    chosen: list[int] = []
    reached = np.array([group.identity])
    while len(reached) < len(subgroup):
        chosen.append(int(np.setdiff1d(subgroup, reached)[-1]))
        reached = subgroup_generated_by(group, chosen)
    return chosen


def conjugates(group: Group, subgroup: Int64[np.ndarray, "m"]) -> Int64[np.ndarray, "conjugates m"]:
    """int64 [number of conjugates, m]: each x·H·x⁻¹ once, its elements sorted."""
    images = group.table[group.table[:, subgroup], group.inverses[:, None]]
    return np.unique(np.sort(images, axis=1), axis=0)


def coset_numbers(
    group: Group, subgroup: Int64[np.ndarray, "m"], side: str = "left"
) -> Int64[np.ndarray, "n"]:
    """int64 [n]: the row of ``cosets`` that holds each element; the subgroup's own need not be 0."""
    numbers = np.empty(group.order, dtype=np.int64)
    rows = cosets(group, subgroup, side)
    numbers[rows] = np.arange(len(rows))[:, None]
    return numbers


MAX_EXTENSIONS = 20_000
"""Partial maps that are tried before the search is given up as undecided."""

Signature = tuple[int, int, int]


class Undecided(RuntimeError):
    """The search for an isomorphism took too many steps."""


def signatures(group: Group) -> list[Signature]:
    """What an isomorphism preserves of each element: its order, the size of its class, its number of roots.

    The roots of x are the y with y·y = x.
    """
    every = np.arange(group.order)
    roots = np.bincount(group.table[every, every], minlength=group.order)
    sizes = group.class_structure.sizes[group.class_of]
    return list(zip(group.element_orders.tolist(), sizes.tolist(), roots.tolist(), strict=True))


def find_isomorphism(source: Group, target: Group) -> Int64[np.ndarray, "n"] | None:
    """int64 [n] with f[x·y] = f[x]·f[y], one-to-one, or None where there is none.

    Exact either way. Raises Undecided after MAX_EXTENSIONS partial maps.
    """
    ours, theirs = signatures(source), signatures(target)
    if Counter(ours) != Counter(theirs):
        return None
    generators = few_generators(source, ours)
    candidates = [[y for y, signature in enumerate(theirs) if signature == ours[g]] for g in generators]
    # A conjugation of the target maps the first image to the representative of its class.
    representatives = set(target.class_structure.representatives.tolist())
    candidates[:1] = [[y for y in first if y in representatives] for first in candidates[:1]]
    return _Search(source, target, generators, candidates).run()


def few_generators(group: Group, of: list[Signature]) -> list[int]:
    """Generators, each outside the subgroup of those before it, from the largest classes and of high order.

    Images of such elements are few up to conjugation, and of high order they leave few generators.
    """
    count = Counter(of)
    queue = sorted(range(group.order), key=lambda x: (-of[x][1], -of[x][0], count[of[x]], x))
    chosen: list[int] = []
    reached = subgroup_generated_by(group, [])
    for x in queue:
        if len(reached) < group.order and x not in reached:
            chosen.append(x)
            reached = subgroup_generated_by(group, chosen)
    return chosen


class _Search:
    """Depth-first search: the images of the first generators fix the map on the subgroup they generate."""

    def __init__(
        self, source: Group, target: Group, generators: list[int], candidates: list[list[int]]
    ) -> None:
        self.source, self.target = source, target
        self.generators, self.candidates = generators, candidates
        self.extensions = 0

    def run(self, images: tuple[int, ...] = ()) -> Int64[np.ndarray, "n"] | None:
        """The first isomorphism that maps the first generators to ``images``."""
        found = self.map_of(images)
        if found is None or len(images) == len(self.generators):
            return found
        for image in self.candidates[len(images)]:
            complete = self.run((*images, image))
            if complete is not None:
                return complete
        return None

    def map_of(self, images: tuple[int, ...]) -> Int64[np.ndarray, "n"] | None:
        """The map on the generated subgroup, -1 elsewhere; None if it is no one-to-one homomorphism."""
        self.extensions += 1
        if self.extensions > MAX_EXTENSIONS:
            raise Undecided(f"no isomorphism found between {self.source.name} and {self.target.name}")
        mapped = np.full(self.source.order, -1, dtype=np.int64)
        mapped[self.source.identity] = self.target.identity
        fresh = np.array([self.source.identity])
        while len(fresh):
            reached = []
            for generator, image in zip(self.generators, images, strict=False):
                products = self.source.table[fresh, generator]
                values = self.target.table[mapped[fresh], image]
                new = mapped[products] < 0
                mapped[products[new]] = values[new]
                if (mapped[products] != values).any():
                    return None
                reached.append(products[new])
            fresh = np.unique(np.concatenate(reached)) if reached else fresh[:0]
        used = mapped[mapped >= 0]
        return mapped if len(np.unique(used)) == len(used) else None


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

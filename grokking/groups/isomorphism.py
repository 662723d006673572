"""Explicit isomorphisms between groups, found by a search over the images of a few generators."""

from collections import Counter

import numpy as np

from grokking.groups.base import Group
from grokking.groups.subgroups import subgroup_generated_by

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


def find_isomorphism(source: Group, target: Group) -> np.ndarray | None:
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

    def run(self, images: tuple[int, ...] = ()) -> np.ndarray | None:
        """The first isomorphism that maps the first generators to ``images``."""
        found = self.map_of(images)
        if found is None or len(images) == len(self.generators):
            return found
        for image in self.candidates[len(images)]:
            complete = self.run((*images, image))
            if complete is not None:
                return complete
        return None

    def map_of(self, images: tuple[int, ...]) -> np.ndarray | None:
        """The map on the generated subgroup, -1 elsewhere; None if it is not a one-to-one homomorphism."""
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

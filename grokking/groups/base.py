"""A finite group: its multiplication table and everything that follows from it, computed when asked for."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float64, Int64

from grokking.groups.basis import BlockBasis, fourier_basis_in_order
from grokking.groups.isotypic import RealCharacters, isotypic_basis, real_characters
from grokking.groups.labels import LabelHints
from grokking.groups.table import (
    ClassStructure,
    conjugacy_classes,
    element_orders,
    find_identity,
    find_inverses,
    powers_of,
)


class Group:
    """A finite group of n elements with indices 0 … n - 1.

    name: a short name, as "s5".  title: the name a figure shows, as "S5".
    table: int64 [n, n]; ``table[i, j]`` is the index of the product i·j.
    members: int64 [n]; ``members[i]`` is the number of the element with index i where the elements have
    numbers of their own, as tokens have; index: the inverse. Of a group given by its table both are 0 … n -
    1. The table is trusted: ``grokking.groups.table.check_table`` tests one that comes from outside.
    """

    name: str
    members: Int64[np.ndarray, "n"]
    index: Int64[np.ndarray, "numbers"]

    def __init__(
        self,
        name: str,
        table: Int64[np.ndarray, "n n"],
        elements: Sequence[str] | None = None,
        title: str = "",
        hints: LabelHints | None = None,
    ) -> None:
        """A group by its table.

        elements: a label for each element, its index if None.  hints: what else is known, for block labels.
        """
        self.name = name
        self.table = np.ascontiguousarray(table, dtype=np.int64)
        self.table.setflags(write=False)
        self.members = self.index = np.arange(len(table), dtype=np.int64)
        self.members.setflags(write=False)
        self.elements = tuple(elements) if elements else tuple(str(i) for i in range(len(table)))
        self.title = title or name
        self.hints = hints or LabelHints()

    def __repr__(self) -> str:
        """``<Group s5 of order 120>``."""
        return f"<{type(self).__name__} {self.name} of order {self.order}>"

    @cached_property
    def table(self) -> Int64[np.ndarray, "n n"]:
        """int64 [n, n], read-only: index of the product of the elements i and j."""
        raise NotImplementedError

    @cached_property
    def title(self) -> str:
        """The name a figure shows."""
        raise NotImplementedError

    @cached_property
    def hints(self) -> LabelHints:
        """Facts in addition to the table, for the labels of the blocks."""
        raise NotImplementedError

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """A label that a person can read for each element."""
        raise NotImplementedError

    @property
    def order(self) -> int:
        """n, the number of elements."""
        return len(self.table)

    @cached_property
    def identity(self) -> int:
        """Index of the identity. Raises ValueError where the table has none."""
        found = find_identity(self.table)
        if found is None:
            raise ValueError(f"the table of {self.name} has no identity, so it is not a group")
        return found

    @cached_property
    def inverses(self) -> Int64[np.ndarray, "n"]:
        """int64 [n]: index of each element's inverse."""
        return find_inverses(self.table, self.identity)

    @cached_property
    def element_orders(self) -> Int64[np.ndarray, "n"]:
        """int64 [n]: the least m ≥ 1 with x^m = identity."""
        return element_orders(self.table, self.identity)

    @cached_property
    def classes(self) -> tuple[Int64[np.ndarray, "_"], ...]:
        """Conjugacy classes as sorted int64 arrays, by order of their elements, then size; identity first."""
        return conjugacy_classes(self.table, self.inverses, self.element_orders)

    @cached_property
    def class_of(self) -> Int64[np.ndarray, "n"]:
        """int64 [n]: the number of each element's conjugacy class."""
        return self.class_structure.class_of

    @property
    def class_structure(self) -> ClassStructure:
        """What the characters are computed from."""
        return ClassStructure(self.table, self.identity, self.inverses, self.element_orders, self.classes)

    @property
    def commuting_pairs(self) -> int:
        """Number of ordered pairs with x·y = y·x: the order times the number of classes."""
        return self.order * len(self.classes)

    @property
    def is_abelian(self) -> bool:
        """True if every two elements commute."""
        return len(self.classes) == self.order

    @property
    def is_cyclic(self) -> bool:
        """True if one element's powers are the whole group; circles and sines exist for these only."""
        return bool((self.element_orders == self.order).any())

    @cached_property
    def logarithms(self) -> Int64[np.ndarray, "n"]:
        """int64 [n], cyclic groups only: each element as a power of the first generator.

        Raises ValueError for a group that is not cyclic.
        """
        if not self.is_cyclic:
            raise ValueError(f"{self.name} is not cyclic, so its elements have no logarithms")
        generator = int(np.flatnonzero(self.element_orders == self.order)[0])
        found = np.empty(self.order, dtype=np.int64)
        found[powers_of(self.table, self.identity, generator)] = np.arange(self.order)
        return found

    @cached_property
    def basis(self) -> BlockBasis:
        """The orthonormal basis of the functions on the group; of a cyclic group, the Fourier basis."""
        if self.is_cyclic:
            return fourier_basis_in_order(self.logarithms)
        return isotypic_basis(self.class_structure, self._real_characters)

    @cached_property
    def block_characters(self) -> Float64[np.ndarray, "n_blocks n"]:
        """float64 [n_blocks, n]: each block's real character on every element, χ or χ + χ̄."""
        if self.is_cyclic:
            return cyclic_characters(self.logarithms)
        return self._real_characters.values

    @cached_property
    def _real_characters(self) -> RealCharacters:
        return real_characters(self.class_structure, self.hints)


def cyclic_characters(logarithms: Int64[np.ndarray, "n"]) -> Float64[np.ndarray, "n//2+1 n"]:
    """float64 [⌊n/2⌋ + 1, n]: 1, then 2·cos(2πk·g/n) for k < n/2 and cos(πg) for k = n/2.

    logarithms: int64 [n], g of each element.
    """
    n = len(logarithms)
    k = np.arange(n // 2 + 1)[:, None]
    values = 2 * np.cos(2 * np.pi * (k * logarithms % n) / n)
    values[(2 * k % n == 0)[:, 0]] /= 2
    return np.asarray(values)

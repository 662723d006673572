"""What a multiplication table says before any character is computed: identity, inverses, orders, classes."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64


def find_identity(table: Int64[np.ndarray, "n n"]) -> int | None:
    """The element e with e·x = x·e = x for every x of an int64 [n, n] table, or None."""
    every = np.arange(len(table))
    found = np.flatnonzero((table == every).all(axis=1) & (table == every[:, None]).all(axis=0))
    return int(found[0]) if len(found) else None


def find_inverses(table: Int64[np.ndarray, "n n"], identity: int) -> Int64[np.ndarray, "n"]:
    """int64 [n]: the y with x·y = y·x = identity for each x, and -1 where there is none."""
    hit = table == identity
    both = hit & hit.T
    return np.where(both.any(axis=1), both.argmax(axis=1), -1)


def element_orders(table: Int64[np.ndarray, "n n"], identity: int) -> Int64[np.ndarray, "n"]:
    """int64 [n]: the least m ≥ 1 with x^m = identity, for the table of a group."""
    every = np.arange(len(table))
    orders, power = np.zeros(len(table), dtype=np.int64), every
    exponent = 1
    while not orders.all():
        orders[(power == identity) & (orders == 0)] = exponent
        power, exponent = table[power, every], exponent + 1
    return orders


def powers_of(table: Int64[np.ndarray, "n n"], identity: int, element: int) -> Int64[np.ndarray, "order"]:
    """int64 [order of the element]: identity, x, x², …"""
    found = [identity]
    while (following := int(table[found[-1], element])) != identity:
        found.append(following)
    return np.array(found, dtype=np.int64)


def conjugacy_classes(
    table: Int64[np.ndarray, "n n"], inverses: Int64[np.ndarray, "n"], orders: Int64[np.ndarray, "n"]
) -> tuple[Int64[np.ndarray, "_"], ...]:
    """The classes {g·x·g⁻¹} as sorted int64 arrays.

    Sorted by order of their elements, then by size, then by smallest element, so the identity comes first.
    """
    seen = np.zeros(len(table), dtype=bool)
    classes = []
    for x in range(len(table)):
        if not seen[x]:
            members = np.unique(table[table[:, x], inverses])
            seen[members] = True
            classes.append(members)
    return tuple(sorted(classes, key=lambda c: (orders[c[0]], len(c), c[0])))


@dataclass(frozen=True, eq=False)
class ClassStructure:
    """A group's table together with its conjugacy classes: all that characters are computed from.

    table: int64 [n, n].  identity: index.  inverses, orders: int64 [n].  classes: sorted int64 arrays, the
    identity's first.  class_of: int64 [n], the number of each element's class.
    """

    table: Int64[np.ndarray, "n n"]
    identity: int
    inverses: Int64[np.ndarray, "n"]
    orders: Int64[np.ndarray, "n"]
    classes: tuple[Int64[np.ndarray, "_"], ...]

    @property
    def class_of(self) -> Int64[np.ndarray, "n"]:
        """int64 [n]: the number of each element's class."""
        found = np.empty(len(self.table), dtype=np.int64)
        for number, members in enumerate(self.classes):
            found[members] = number
        return found

    @property
    def sizes(self) -> Int64[np.ndarray, "classes"]:
        """int64 [number of classes]: how many elements each class has."""
        return np.array([len(members) for members in self.classes], dtype=np.int64)

    @property
    def representatives(self) -> Int64[np.ndarray, "classes"]:
        """int64 [number of classes]: the smallest element of each class."""
        return np.array([members[0] for members in self.classes], dtype=np.int64)

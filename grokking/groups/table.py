"""What a multiplication table says by itself: identity, orders, classes, and whether it is a group's.

The first axiom that fails is named with the elements on which it fails.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64

from grokking.errors import UserError


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


Triple = tuple[int, int, int]


def check_table(table: Int64[np.ndarray, "n n"], names: Sequence[str], what: str) -> None:
    """Raise UserError, which begins with ``what``, unless the table is that of a group.

    table: int64 [n, n].  names: a label for each element, for the message.
    The axioms in order: closure, identity, inverses, associativity. All tests are exact.
    """
    n = len(table)
    _check_closure(table, names, what)
    identity = find_identity(table)
    if identity is None:
        raise UserError(
            f"{what} is not a group: it has no identity, no e with e·x = x·e = x for all {n} elements"
        )
    missing = np.flatnonzero(find_inverses(table, identity) < 0)
    if len(missing):
        x, e = names[missing[0]], names[identity]
        raise UserError(
            f"{what} is not a group: {x} has no inverse, no y with {x}·y = y·{x} = {e}, the identity"
        )
    failing = non_associative_triple(table)
    if failing is not None:
        raise UserError(
            f"{what} is not a group: it is not associative; {_both_products(table, names, failing)}"
        )


def _check_closure(table: Int64[np.ndarray, "n n"], names: Sequence[str], what: str) -> None:
    n = len(table)
    outside = np.argwhere((table < 0) | (table >= n))
    if len(outside):
        x, y = outside[0]
        entry = table[x, y]
        hint = "; subtract 1 from entries that count from 1" if table.min() == 1 and table.max() == n else ""
        raise UserError(
            f"{what} is not a group: not closed; {names[x]}·{names[y]} (row {x}, column {y}, both from 0) "
            f"is {entry}, and the {n} elements are 0 to {n - 1}{hint}"
        )


def _both_products(table: Int64[np.ndarray, "n n"], names: Sequence[str], triple: Triple) -> str:
    a, b, c = triple
    first, last = names[table[table[a, b], c]], names[table[a, table[b, c]]]
    x, y, z = (names[i] for i in triple)
    return f"({x}·{y})·{z} = {first} but {x}·({y}·{z}) = {last}"


def is_group_table(table: Int64[np.ndarray, "n n"]) -> bool:
    """True if the int64 [n, n] table satisfies all the axioms; exact."""
    if table.min() < 0 or table.max() >= len(table):
        return False
    identity = find_identity(table)
    if identity is None or find_inverses(table, identity).min() < 0:
        return False
    return non_associative_triple(table) is None


def non_associative_triple(table: Int64[np.ndarray, "n n"]) -> Triple | None:
    """Elements with (a·b)·c ≠ a·(b·c), or None if the closed table [n, n] is associative.

    Light's test (Clifford and Preston, "The algebraic theory of semigroups", section 1.2): the elements b
    with (a·b)·c = a·(b·c) for all a, c are closed under the product, so a generating set of b suffices.
    """
    for b in generating_set(lambda x, y: table[x, y], len(table)):
        left, right = table[table[:, b]], table[:, table[b]]
        differing = np.argwhere(left != right)
        if len(differing):
            a, c = differing[0]
            return int(a), b, int(c)
    return None


def generating_set(product: Callable[[np.ndarray, np.ndarray], np.ndarray], n: int) -> Iterator[int]:
    """Elements, smallest first, whose products reach all of 0 … n - 1; one at a time.

    product: int64 arrays that broadcast against each other to their products.
    """
    reached = np.zeros(n, dtype=bool)
    for candidate in range(n):
        if not reached[candidate]:
            yield candidate
            _close(product, reached, candidate)


def _close(
    product: Callable[[np.ndarray, np.ndarray], np.ndarray], reached: Bool[np.ndarray, "n"], candidate: int
) -> None:
    """Add ``candidate`` and all products with it to ``reached``, bool [n], in place."""
    fresh = np.array([candidate])
    while len(fresh):
        reached[fresh] = True
        every = np.flatnonzero(reached)
        found = np.zeros_like(reached)
        found[product(fresh[:, None], every)] = True
        found[product(every[:, None], fresh)] = True
        fresh = np.flatnonzero(found & ~reached)

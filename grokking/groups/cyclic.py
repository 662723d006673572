"""Cyclic groups in which a task's operands add up.

Addition and subtraction mod p happen in Z_p, of order p. Multiplication and division happen in
Z_p*, of order p - 1; the discrete logarithm to a primitive root turns it into addition mod p - 1.
Everything downstream (bases, spectra, films) sees only ``order``, ``members`` and ``index``, or what
every ``Group`` has. The multiplication table is built only when it is asked for.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from jaxtyping import Float64, Int64

from grokking.errors import UserError
from grokking.groups.base import Group, cyclic_characters
from grokking.groups.basis import FourierBasis, fourier_basis
from grokking.groups.labels import LabelHints

OUTSIDE = -1
"""Index of a residue outside the group (zero, for Z_p*)."""


def prime_factors(n: int) -> list[int]:
    """Distinct prime factors of ``n`` in increasing order."""
    factors, d = [], 2
    while d * d <= n:
        if n % d == 0:
            factors.append(d)
            while n % d == 0:
                n //= d
        d += 1
    return factors + [n] * (n > 1)


def has_discrete_logarithms(p: int) -> bool:
    """True for an odd prime: then 1 … p - 1 are the powers of one number modulo ``p``."""
    return p > 2 and prime_factors(p) == [p]


def is_primitive_root(g: int, p: int) -> bool:
    """True if the powers of ``g`` run through all of 1 … p - 1 modulo the odd prime ``p``."""
    return g % p != 0 and all(pow(g, (p - 1) // q, p) != 1 for q in prime_factors(p - 1))


def smallest_primitive_root(p: int) -> int:
    """The root that every discrete logarithm of this project is taken to."""
    return next(g for g in range(2, p) if is_primitive_root(g, p))


@dataclass(frozen=True, eq=False, repr=False)
class CyclicGroup(Group):
    """A cyclic group of residues mod p, or of the elements of a table, written additively.

    name: "additive" or "multiplicative"; "powers" for the elements of a table, which are then the residues.
    p: the modulus.  generator: 1, or the primitive root γ.
    members: int64 [order]; ``members[i]`` is the residue with index ``i`` (i, or γ^i mod p).
    index: int64 [p]; the inverse, g(x) in the definitions; ``OUTSIDE`` for non-members.
    labels: of the elements, by index; empty where they are called by their residues.
    """

    name: str
    p: int
    generator: int
    members: Int64[np.ndarray, "n"]
    index: Int64[np.ndarray, "p"]
    labels: tuple[str, ...] = ()

    @property
    def order(self) -> int:
        """n, the number of members."""
        return len(self.members)

    @cached_property
    def title(self) -> str:
        """Z_n, or Z_p* for the residues under multiplication."""
        return f"Z_{self.p}" + "*" * (self.name == "multiplicative")

    @cached_property
    def hints(self) -> LabelHints:
        """None needed: the blocks are labelled by frequency."""
        return LabelHints()

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """The labels, or the residues, in group order."""
        return self.labels or tuple(str(residue) for residue in self.members)

    @cached_property
    def table(self) -> Int64[np.ndarray, "n n"]:
        """int64 [n, n], read-only: i + j mod n, the addition of indices."""
        every = np.arange(self.order, dtype=np.int64)
        table = np.add.outer(every, every) % self.order
        table.setflags(write=False)
        return table

    @property
    def identity(self) -> int:
        """0: index of the residue 0 or 1."""
        return 0

    @cached_property
    def inverses(self) -> Int64[np.ndarray, "n"]:
        """int64 [n]: -i mod n."""
        return -np.arange(self.order, dtype=np.int64) % self.order

    @cached_property
    def element_orders(self) -> Int64[np.ndarray, "n"]:
        """int64 [n]: n / gcd(i, n)."""
        return self.order // np.gcd(np.arange(self.order, dtype=np.int64), self.order)

    @cached_property
    def classes(self) -> tuple[Int64[np.ndarray, "1"], ...]:
        """Every element is a class of its own; sorted by its order."""
        return tuple(np.array([i]) for i in np.argsort(self.element_orders, kind="stable"))

    @cached_property
    def class_of(self) -> Int64[np.ndarray, "n"]:
        """int64 [n]: the number of each element's class."""
        return np.argsort(np.argsort(self.element_orders, kind="stable"))

    @property
    def is_cyclic(self) -> bool:
        """True."""
        return True

    @property
    def logarithms(self) -> Int64[np.ndarray, "n"]:
        """int64 [n]: 0 … n - 1."""
        return np.arange(self.order, dtype=np.int64)

    @property
    def basis(self) -> FourierBasis:
        """The Fourier basis of Z_n, shared by all cyclic groups of order n."""
        return fourier_basis(self.order)

    @cached_property
    def block_characters(self) -> Float64[np.ndarray, "n_blocks n"]:
        """float64 [⌊n/2⌋ + 1, n]: 1, 2·cos(2πk·i/n), …"""
        return cyclic_characters(self.logarithms)

    @property
    def axis_label(self) -> str:
        """How an index is written on an axis, with {x} standing for the residue."""
        return "{x}" if self.name == "additive" else f"log_{self.generator}({{x}})"


def _group(name: str, p: int, generator: int, members: Int64[np.ndarray, "n"]) -> CyclicGroup:
    index = np.full(p, OUTSIDE, dtype=np.int64)
    index[members] = np.arange(len(members))
    members.setflags(write=False)
    index.setflags(write=False)
    return CyclicGroup(name, p, generator, members, index)


@lru_cache
def additive_group(p: int) -> CyclicGroup:
    """Z_p under addition; index and residue are the same number."""
    return _group("additive", p, 1, np.arange(p, dtype=np.int64))


@lru_cache
def multiplicative_group(p: int, generator: int | None = None) -> CyclicGroup:
    """Z_p* under multiplication, indexed by discrete logarithms to ``generator``.

    Raises UserError if ``p`` is no odd prime, or ``generator`` is given and is no primitive root of ``p``.
    """
    if not has_discrete_logarithms(p):
        raise UserError(f"the modulus is {p}; accepted: an odd prime, since only it has discrete logarithms")
    root = smallest_primitive_root(p) if generator is None else generator
    if not is_primitive_root(root, p):
        raise UserError(f"{root} is not a primitive root modulo {p}; {smallest_primitive_root(p)} is")
    powers = [1]
    while len(powers) < p - 1:
        powers.append(powers[-1] * root % p)
    return _group("multiplicative", p, root, np.array(powers, dtype=np.int64))


def in_cyclic_order(group: Group) -> CyclicGroup:
    """A cyclic group given by its table, its elements ordered as the powers of its first generator.

    The elements of the table are the residues of the result. Raises ValueError for a group that is not
    cyclic.
    """
    if isinstance(group, CyclicGroup):
        return group
    index = group.logarithms.copy()
    members = np.argsort(index)
    members.setflags(write=False)
    index.setflags(write=False)
    labels = tuple(group.elements[x] for x in members)
    return CyclicGroup("powers", group.order, int(members[1]), members, index, labels)


def required_cyclic(group: Group) -> CyclicGroup:
    """The group, for what only cyclic groups have: circles, sines. Raises UserError for any other."""
    if isinstance(group, CyclicGroup):
        return group
    raise UserError(
        f"{group.title} is not a cyclic group, and this is about circles and sines, which only Z_n has; "
        "grokking measure, figures, compare and report read such a run by the blocks of its group"
    )

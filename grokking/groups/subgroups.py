"""Subgroups and their cosets, as sorted arrays of element indices."""

from collections.abc import Iterable

import numpy as np
from jaxtyping import Int64

from grokking.groups.base import Group
from grokking.groups.conjugacy import powers_of


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

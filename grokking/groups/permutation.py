"""Groups of permutations."""

import numpy as np
from jaxtyping import Int64

from grokking.groups.base import Group
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

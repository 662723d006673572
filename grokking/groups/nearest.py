"""The group's table that a table with some wrong entries was meant to be.

For every factorisation x = a·b the product x·y must be a·(b·y). So each element a has a vote on every entry,
and where most entries are right, most votes are. (This project's own procedure; whether its result is a group
is tested exactly.)
"""

import numpy as np
from jaxtyping import Int64

from grokking.groups.axioms import is_group_table

VOTERS = 49
"""How many elements a vote on each entry; odd, drawn with seed 0 where the table has more."""
ROUNDS = 4
"""Rounds of voting before it is given up."""


def nearest_group_table(table: Int64[np.ndarray, "m m"]) -> Int64[np.ndarray, "m m"] | None:
    """The group table int64 [m, m] on which the votes settle, or None where they settle on none.

    table: int64 [m, m], -1 for an answer that is not an element.
    """
    generator = np.random.default_rng(0)
    for _ in range(ROUNDS):
        voters = generator.permutation(len(table))[:VOTERS]
        voted = _majority(table, voters)
        if is_group_table(voted):
            return voted
        if np.array_equal(voted, table):
            return None
        table = voted
    return None


def _majority(
    table: Int64[np.ndarray, "m m"], voters: Int64[np.ndarray, "voters"]
) -> Int64[np.ndarray, "m m"]:
    """The most frequent a·(b·y) over the voters a, with a·b = x, for each x and y."""
    m = len(table)
    # Row a: the b with a·b = x, -1 where there is none. Answers that are no element, -1, fall in column m.
    factor = np.full((len(voters), m + 1), -1, dtype=np.int64)
    factor[np.arange(len(voters))[:, None], table[voters]] = np.arange(m)
    voted = np.empty_like(table)
    for x in range(m):
        known = factor[:, x] >= 0
        inner = table[factor[known, x]]
        votes = np.where(inner < 0, -1, table[voters[known][:, None], inner])
        votes = np.concatenate([votes, table[x : x + 1]])
        counts = np.bincount((votes + 1 + (m + 1) * np.arange(m)).ravel(), minlength=m * (m + 1))
        # Column 0 counts the votes for no element, which is never the better answer.
        voted[x] = counts.reshape(m, m + 1)[:, 1:].argmax(axis=1)
    return voted

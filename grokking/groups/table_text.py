"""A multiplication table as a short text: the rows of a few generators say it all.

A config holds the table of its group in this form, so that a run directory, a checkpoint or a copied config
is complete without the file that the table was read from. A group of order 120 takes about 1 kB.
"""

import json
from functools import lru_cache
from typing import Any

import numpy as np

from grokking.errors import UserError
from grokking.groups.axioms import generating_set
from grokking.groups.base import Group
from grokking.groups.families import MAX_ORDER
from grokking.groups.table_file import group_from_table

WHAT = "the multiplication table in the config"


def table_text(group: Group) -> str:
    """JSON with the index of the identity, the rows of generators, and the elements' names if they have any.

    >>> from grokking.groups.families import named_group
    >>> table_text(named_group("c3"))
    '{"identity":0,"rows":{"1":[1,2,0]}}'
    """
    table, e = group.table, group.identity
    generators = [g for g in generating_set(lambda x, y: table[x, y], group.order) if g != e]
    record: dict[str, Any] = {"identity": e, "rows": {str(g): table[g].tolist() for g in generators}}
    if group.elements != tuple(str(x) for x in range(group.order)):
        record["names"] = list(group.elements)
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


@lru_cache(maxsize=16)
def group_of_text(text: str, name: str) -> Group:
    """Inverse of ``table_text``: the group under a name, its blocks labelled where it is a known group.

    Raises UserError for anything that ``table_text`` does not write, and for a table that is not a group's.
    """
    try:
        record = json.loads(text)
        rows = {int(g): np.array(row, dtype=np.int64) for g, row in record["rows"].items()}
        identity, names = int(record["identity"]), record.get("names")
        table = _from_rows(identity, rows)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise UserError(f"{WHAT} is damaged: {error}; give --group_table FILE again") from error
    return group_from_table(table, name, names, WHAT)


def _from_rows(identity: int, rows: dict[int, np.ndarray]) -> np.ndarray:
    """The whole table int64 [n, n]: row (g·x) is row x, followed by the multiplication with g."""
    if not rows:
        raise ValueError("it has no rows")
    n = len(next(iter(rows.values())))
    every = np.arange(n)
    if not 0 <= identity < n <= MAX_ORDER:
        raise ValueError(f"order {n}, identity {identity}")
    if not all(np.array_equal(np.sort(row), every) and row[identity] == g for g, row in rows.items()):
        raise ValueError("a row is not a permutation of the elements, or belongs to another element")
    table = np.full((n, n), -1, dtype=np.int64)
    table[identity] = every
    fresh = [identity]
    while fresh:
        x = fresh.pop()
        for row in rows.values():
            product = int(row[x])
            if table[product, 0] < 0:
                table[product] = row[table[x]]
                fresh.append(product)
    if table.min() < 0:
        raise ValueError("the rows do not generate all elements")
    return table

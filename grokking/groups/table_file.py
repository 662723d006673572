"""A group from a file that holds its multiplication table (JSON, CSV or npy), or from a short text.

JSON: a nested list, or ``{"table": [[…], …], "names": ["e", "a", …]}``. CSV: one row of the table a line.
npy: a two-dimensional array of integers. Entry (x, y) is the index, from 0, of the product x·y.

A config holds the table of its group in this form, so that a run directory, a checkpoint or a copied config
is complete without the file that the table was read from. A group of order 120 takes about 1 kB.
"""

import csv
import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from grokking.errors import UserError, os_errors_as
from grokking.groups.base import Group
from grokking.groups.families import MAX_ORDER
from grokking.groups.recognise import with_known_labels
from grokking.groups.table import check_table, generating_set

MAX_BYTES = 32 * 1024 * 1024
"""Larger files are refused unread: a table of order 1,000 takes 8 MB at most."""

Contents = tuple[object, Sequence[object] | None]
"""Rows of a table and names of the elements, neither of them checked."""


def read_group(path: Path) -> Group:
    """The group whose multiplication table the file holds, named after the file.

    If it is isomorphic to a named group, its blocks are labelled as that group's.
    Raises UserError for a file that cannot be read, a table of an order above 1,000, and a table that is no
    group's: with the first axiom that fails, and on which elements.
    """
    if path.suffix.lower() not in READERS:
        raise UserError(f"{path}: a group table is read from {', '.join(READERS)}, not from {path.suffix!r}")
    with os_errors_as(f"read {path}"):
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} is larger than a multiplication table of order {MAX_ORDER} can be")
        rows, names = READERS[path.suffix.lower()](path)
    return group_from_table(rows, path.stem, names, str(path))


def group_from_table(
    rows: object, name: str, names: Sequence[object] | None = None, what: str = "the table"
) -> Group:
    """The group with these rows, a nested list or an integer array [n, n], after a check of all axioms.

    names: labels of the elements.  what: how a message begins. Raises UserError, as ``read_group``.
    """
    table = rows if isinstance(rows, np.ndarray) else _array(rows, what)
    if table.ndim != 2 or table.shape[0] != table.shape[1]:
        shape = "×".join(str(size) for size in table.shape)
        raise UserError(f"{what} has shape {shape}; a multiplication table is square")
    if not np.issubdtype(table.dtype, np.integer):
        raise UserError(f"{what} has entries of type {table.dtype}; indices of elements are whole numbers")
    _check_order(len(table), what)
    labels = _labels(names, len(table), what)
    table = table.astype(np.int64)
    check_table(table, labels, what)
    return with_known_labels(Group(name, table, labels))


def _check_order(n: int, what: str) -> None:
    if not 2 <= n <= MAX_ORDER:
        raise UserError(f"{what} has order {n}; orders from 2 to {MAX_ORDER} are accepted")


def _array(rows: object, what: str) -> np.ndarray:
    """A nested list of whole numbers, rows of equal length, as int64 [n, n]."""
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        raise UserError(f"{what} holds no multiplication table; it must be a list of rows of indices")
    _check_order(len(rows), what)
    for i, row in enumerate(rows):
        _check_row(i, row, len(rows), what)
    return np.array(rows, dtype=np.int64)


def _check_row(i: int, row: list[object], n: int, what: str) -> None:
    if len(row) != n:
        raise UserError(f"{what} is not square: of {n} rows, row {i} (from 0) has {len(row)} entries")
    for j, entry in enumerate(row):
        # bool is an int to isinstance, and True is not an index.
        if type(entry) is not int or abs(entry) > 2**31:
            raise UserError(
                f"{what}: the entry in row {i}, column {j}, both from 0, is {str(entry)[:40]!r}; "
                f"it must be the index of an element, 0 to {n - 1}"
            )


def _labels(names: Sequence[object] | None, n: int, what: str) -> list[str]:
    if names is None:
        return [str(i) for i in range(n)]
    labels = [str(name) for name in names]
    if len(labels) != n or len(set(labels)) != n:
        raise UserError(
            f"{what}: {len(labels)} names, {len(set(labels))} of them different, for {n} elements"
        )
    return labels


def _read_json(path: Path) -> Contents:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not a JSON file: {error}") from error
    if not isinstance(held, dict):
        return held, None
    if "table" not in held:
        raise UserError(f'{path} has no "table"; give a nested list, or {{"table": [[…]], "names": […]}}')
    names = held.get("names")
    if names is not None and not isinstance(names, list):
        raise UserError(f'{path}: "names" must be a list of labels, one for each element')
    return held["table"], names


def _read_csv(path: Path) -> Contents:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is not a CSV file: {error}") from error
    # An entry that is not a whole number stays text, and is refused with its place in the table.
    return [[_whole_number(cell) for cell in line] for line in lines], None


def _whole_number(cell: str) -> int | str:
    text = cell.strip()
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 12 else cell


def _read_npy(path: Path) -> Contents:
    try:
        # Mapped, so that a header which promises terabytes allocates nothing.
        held = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError) as error:
        raise UserError(f"{path} is not an npy file of whole numbers: {error}") from error
    if not isinstance(held, np.ndarray):
        raise UserError(f"{path} is an archive of arrays; save the table alone with numpy.save")
    return held, None


READERS: dict[str, Callable[[Path], Contents]] = {".json": _read_json, ".csv": _read_csv, ".npy": _read_npy}
"""How a file is read, by the end of its name."""


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

"""Which group did a network learn? Its answers to all pairs, read as a multiplication table.

For every factorisation x = a·b the product x·y must be a·(b·y). So each element a has a vote on every entry,
and where most entries are right, most votes are. (This project's own procedure; whether its result is a group
is tested exactly.)

Nothing is known of which token is which element: the table alone says it, up to an isomorphism. Where the
operands or the answers have names of their own (separate embeddings, permuted classes), the table is an
*isotope* of a group's; a row and a column that hold every answer once then name the elements (Albert,
"Quasigroups I", 1943: a group isotopic to the result is isomorphic to it).
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from grokking.errors import UserError
from grokking.groups.base import Group
from grokking.groups.families import MAX_ORDER
from grokking.groups.recognise import Recognition, labelled_as, recognise
from grokking.groups.table import is_group_table

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


EXACT_UP_TO = 200
"""Largest order for which every triple is tested for associativity."""
SAMPLED_TRIPLES = 2_000_000
"""Triples that are drawn for larger orders, with seed 0."""


@dataclass(frozen=True, eq=False)
class NamedElements:
    """Which element each token stands for, and the product of elements.

    table: int64 [m, m] over elements, -1 where the answer is not an element.
    left, right: int64 [m]; element of each token as the first and as the second operand.
    answers: int64 [m]; the answer class that stands for each element.
    """

    table: Int64[np.ndarray, "m m"]
    left: Int64[np.ndarray, "m"]
    right: Int64[np.ndarray, "m"]
    answers: Int64[np.ndarray, "m"]

    @property
    def renamed(self) -> bool:
        """True if the two operands and the answers do not share one naming of the elements."""
        every = np.arange(len(self.table))
        return not all(np.array_equal(names, every) for names in (self.left, self.right, self.answers))


@dataclass(frozen=True, eq=False)
class TableReport:
    """How far m² answers are from a group's multiplication table, and which group it is.

    elements: the naming of the elements that was found.  closure: share of the answers that are elements.
    identity: the element that comes nearest to one.  identity_holds: the share of its row, or of its column
    if smaller, that is as it should be.  inverses: share of the elements x with an x·y = y·x = identity.
    associativity_violated: share of the triples with (a·b)·c ≠ a·(b·c), of ``triples`` tested (``exact`` if
    those are all).  commuting_pairs: ordered pairs with a·b = b·a.
    group: the group whose table this is, or the nearest one that was found, or None. Its blocks are labelled
    as those of the named group in ``recognition``, which is None where the group has no name here.
    agreement: share of the answers that are as in that group's table; 0 without one.
    """

    elements: NamedElements
    closure: float
    identity: int
    identity_holds: float
    inverses: float
    associativity_violated: float
    triples: int
    exact: bool
    commuting_pairs: int
    group: Group | None
    recognition: Recognition | None
    agreement: float

    @property
    def is_group(self) -> bool:
        """True if the answers are the table of a group without an exception."""
        return self.group is not None and self.agreement == 1

    def facts(self) -> dict[str, object]:
        """Everything a report states, in plain numbers and text; ready for JSON."""
        group, known = self.group, self.recognition
        return {
            "order": len(self.elements.table),
            "closure": self.closure,
            "identity": int(self.elements.answers[self.identity]),
            "identity_holds": self.identity_holds,
            "inverses": self.inverses,
            "associativity_violated": self.associativity_violated,
            "triples_tested": self.triples,
            "all_triples_tested": self.exact,
            "commuting_pairs": self.commuting_pairs,
            "renamed": self.elements.renamed,
            "agreement": self.agreement,
            "group": known.group.title if known else None,
            "class_sizes": [len(members) for members in group.classes] if group else None,
            "element_orders": dict(sorted(Counter(group.element_orders.tolist()).items())) if group else None,
        }


def read_table(answers: np.ndarray) -> TableReport:
    """What the answers of a network say about its group.

    answers: int [m, m], the class answered for the tokens (x, y), by argmax.
    Raises UserError unless it is a square array of whole numbers and m is 2 … 1,000.
    """
    elements = name_elements(_checked(answers))
    table = elements.table
    identity, holds = nearest_identity(table)
    violated, triples = associativity_violated(table)
    hit = table == identity
    nearest = table if is_group_table(table) else nearest_group_table(table)
    group = None if nearest is None else Group("answers", nearest)
    known = None if group is None else recognise(group)
    return TableReport(
        elements=elements,
        closure=float((table >= 0).mean()),
        identity=identity,
        identity_holds=holds,
        inverses=float((hit & hit.T).any(axis=1).mean()),
        associativity_violated=violated,
        triples=triples,
        exact=triples == len(table) ** 3,
        commuting_pairs=int(((table == table.T) & (table >= 0)).sum()),
        group=labelled_as(group, known) if group and known else group,
        recognition=known,
        agreement=0.0 if nearest is None else float((nearest == table).mean()),
    )


def _checked(answers: np.ndarray) -> np.ndarray:
    if answers.ndim != 2 or answers.shape[0] != answers.shape[1]:
        shape = "×".join(str(size) for size in answers.shape)
        raise UserError(f"answers of shape {shape} are no multiplication table, which is square")
    if not np.issubdtype(answers.dtype, np.integer):
        raise UserError(
            f"answers of type {answers.dtype} are no multiplication table; whole numbers are needed"
        )
    if not 2 <= len(answers) <= MAX_ORDER:
        raise UserError(f"a table of order {len(answers)} cannot be read; orders 2 to {MAX_ORDER} can")
    return answers.astype(np.int64)


def name_elements(answers: Int64[np.ndarray, "m m"]) -> NamedElements:
    """The tokens' own numbers as elements if some token acts as identity; else names from a row and a column.

    answers: int64 [m, m].  The tokens' own numbers are also kept if no row or no column holds m answers once.
    """
    m = len(answers)
    every = np.arange(m)
    direct = NamedElements(np.where((answers >= 0) & (answers < m), answers, -1), every, every, every)
    if nearest_identity(direct.table)[1] > 0.5:
        return direct
    return _isotope(answers) or direct


def _isotope(answers: np.ndarray) -> NamedElements | None:
    m = len(answers)
    values, counts = np.unique(answers, return_counts=True)
    if len(values) < m:
        return None
    classes = np.sort(values[np.argsort(-counts, kind="stable")[:m]])
    place = np.minimum(np.searchsorted(classes, answers), m - 1)
    numbers = np.where(classes[place] == answers, place, -1)
    every = np.arange(m)
    rows = np.flatnonzero((np.sort(numbers, axis=1) == every).all(axis=1))
    columns = np.flatnonzero((np.sort(numbers.T, axis=1) == every).all(axis=1))
    if not len(rows) or not len(columns):
        return None
    # The row names the second operands and the column the first, so that their crossing is the identity.
    left, right = numbers[:, columns[0]], numbers[rows[0]]
    table = np.empty_like(numbers)
    table[left[:, None], right] = numbers
    return NamedElements(table, left, right, classes)


def nearest_identity(table: Int64[np.ndarray, "m m"]) -> tuple[int, float]:
    """The element e with e·x = x and x·e = x for most x, and for which share: the smaller of the two."""
    every = np.arange(len(table))
    share = np.minimum((table == every).mean(axis=1), (table == every[:, None]).mean(axis=0))
    return int(share.argmax()), float(share.max())


def associativity_violated(table: Int64[np.ndarray, "m m"]) -> tuple[float, int]:
    """Share of triples with (a·b)·c ≠ a·(b·c), and how many were tested: all m³, or a seeded sample.

    table: int64 [m, m], -1 for no element. A product that is not an element counts as a violation.
    """
    m = len(table)
    if m <= EXACT_UP_TO:
        every = np.arange(m)
        broken = sum(int(_violations(table, np.full(1, a), every[:, None], every).sum()) for a in range(m))
        return broken / m**3, m**3
    a, b, c = np.random.default_rng(0).integers(m, size=(3, SAMPLED_TRIPLES))
    return float(_violations(table, a, b, c).mean()), SAMPLED_TRIPLES


def _violations(table: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    ab, bc = table[a, b], table[b, c]
    first, last = table[ab, c], table[a, bc]
    return (ab < 0) | (bc < 0) | (first < 0) | (first != last)

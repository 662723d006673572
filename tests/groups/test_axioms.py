"""The first axiom that fails, with its elements; and an exact test of associativity."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grokking.errors import UserError
from grokking.groups.families import named_group
from grokking.groups.table import check_table, is_group_table, non_associative_triple

NAMES = ["e", "a", "b", "c", "d"]
Z3 = [[0, 1, 2], [1, 2, 0], [2, 0, 1]]
# The smallest loop that is not a group: identity e, every element its own inverse.
LOOP = [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]


@pytest.mark.parametrize(
    "table, message",
    [
        (
            [[0, 1, 2], [1, 2, 3], [2, 0, 1]],
            "not closed; a·b (row 1, column 2, both from 0) is 3, and the 3 elements are 0 to 2",
        ),
        ([[1, 2], [2, 1]], "is 2, and the 2 elements are 0 to 1; subtract 1 from entries that count from 1"),
        ([[0, -1], [1, 0]], "not closed; e·a (row 0, column 1, both from 0) is -1"),
        ([[1, 0], [1, 0]], "it has no identity, no e with e·x = x·e = x for all 2 elements"),
        ([[0, 1, 2], [1, 1, 1], [2, 1, 0]], "a has no inverse, no y with a·y = y·a = e, the identity"),
    ],
)
def test_the_first_axiom_that_fails_is_named(table: list[list[int]], message: str) -> None:
    assert not is_group_table(np.array(table))
    with pytest.raises(UserError) as caught:
        check_table(np.array(table), NAMES, "my.json")
    assert str(caught.value).startswith("my.json is not a group: ")
    assert message in str(caught.value)


def test_a_loop_that_is_not_associative_is_refused_with_both_products() -> None:
    table = np.array(LOOP)
    assert not is_group_table(table)
    with pytest.raises(
        UserError, match=r"not associative; \((.)·(.)\)·(.) = (.) but \1·\(\2·\3\) = "
    ) as caught:
        check_table(table, NAMES, "loop")
    a, b, c = non_associative_triple(table) or (0, 0, 0)
    left, right = table[table[a, b], c], table[a, table[b, c]]
    assert left != right
    assert str(caught.value).endswith(
        f"= {NAMES[left]} but {NAMES[a]}·({NAMES[b]}·{NAMES[c]}) = {NAMES[right]}"
    )


@given(arrays(np.int64, (4, 4), elements=st.integers(0, 3)))
def test_associativity_is_that_of_all_triples(table: np.ndarray) -> None:
    broken = {
        (a, b, c) for a, b, c in product(range(4), repeat=3) if table[table[a, b], c] != table[a, table[b, c]]
    }
    found = non_associative_triple(table)
    assert (found in broken) if broken else found is None


@pytest.mark.parametrize("name", ["s4", "s5", "d30"])
def test_one_exchange_in_a_group_table_is_found(name: str) -> None:
    table = named_group(name).table.copy()
    assert is_group_table(table)
    check_table(table, [str(i) for i in range(len(table))], name)
    table[-1, -2], table[-1, -3] = table[-1, -3], table[-1, -2]
    assert not is_group_table(table)
    with pytest.raises(UserError, match="not associative"):
        check_table(table, [str(i) for i in range(len(table))], name)


def test_a_group_passes() -> None:
    check_table(np.array(Z3), NAMES, "z3")
    assert is_group_table(np.array(Z3))

"""A multiplication table as a short text, and back."""

import numpy as np
import pytest

from grokking.errors import UserError
from grokking.groups.families import named_group
from grokking.groups.table_file import group_from_table, group_of_text, table_text


def test_a_cyclic_group_is_one_row() -> None:
    plain = group_from_table([[0, 1, 2], [1, 2, 0], [2, 0, 1]], "three")
    assert table_text(plain) == '{"identity":0,"rows":{"1":[1,2,0]}}'


def test_the_identity_may_have_any_index_and_elements_may_have_names() -> None:
    group = group_from_table([[1, 0], [0, 1]], "two", ["s", "e"])
    assert table_text(group) == '{"identity":1,"rows":{"0":[1,0]},"names":["s","e"]}'
    again = group_of_text(table_text(group), "two")
    assert (again.table.tolist(), again.elements, again.identity) == ([[1, 0], [0, 1]], ("s", "e"), 1)


@pytest.mark.parametrize("name", ["s3", "q8", "d5", "c6", "a4", "s4", "c2xc2xc2", "d20"])
def test_the_text_gives_back_the_table_and_the_name_of_the_group(name: str) -> None:
    group = named_group(name)
    again = group_of_text(table_text(group), "table")
    assert np.array_equal(again.table, group.table)
    assert again.elements == group.elements
    # A cyclic group is recognised as itself; D_m and all others by an isomorphism.
    assert again.title == group.title


@pytest.mark.parametrize(
    "text, reason",
    [
        ("{", "damaged"),
        ("[]", "damaged"),
        ('{"identity":0,"rows":{}}', "damaged"),
        ('{"identity":0,"rows":{"1":[1,1,0]}}', "not a permutation"),
        ('{"identity":0,"rows":{"2":[1,2,0]}}', "belongs to another element"),
        ('{"identity":0,"rows":{"1":[1,0,3,2]}}', "do not generate all elements"),
        ('{"identity":9,"rows":{"1":[1,0]}}', "identity 9"),
        ('{"identity":0,"rows":{"1":[1,2,0],"2":[2,1,0]}}', "not a group"),
    ],
)
def test_a_damaged_text_is_refused(text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        group_of_text(text, "table")

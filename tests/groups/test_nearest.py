"""A group's table put right by the votes of its own products."""

import numpy as np
import pytest

from grokking.groups.families import named_group
from grokking.groups.identify import nearest_group_table


def test_one_wrong_entry_of_a_small_table_is_put_right() -> None:
    table = named_group("c5").table.copy()
    table[2, 3] = 4
    found = nearest_group_table(table)
    assert found is not None
    np.testing.assert_array_equal(found, named_group("c5").table)


@pytest.mark.parametrize("name", ["s4", "d30"])
def test_missing_entries_are_filled_in(name: str) -> None:
    group = named_group(name)
    missing = np.random.default_rng(0).random(group.table.shape) < 0.3
    found = nearest_group_table(np.where(missing, -1, group.table))
    assert found is not None
    np.testing.assert_array_equal(found, group.table)


def test_a_table_without_structure_has_no_nearest_group() -> None:
    assert nearest_group_table(np.random.default_rng(0).integers(20, size=(20, 20))) is None
    assert nearest_group_table(np.full((4, 4), -1)) is None

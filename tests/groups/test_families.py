"""Groups by name: their orders, their products, how their elements are written, and unknown names."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from grokking.errors import UserError
from grokking.groups.base import Group
from grokking.groups.families import FAMILIES, accepted_names, group_family, is_group_name, named_group
from grokking.groups.table import is_group_table

ORDERS = {
    "s2": 2,
    "s3": 6,
    "s4": 24,
    "s5": 120,
    "s6": 720,
    "a3": 3,
    "a4": 12,
    "a5": 60,
    "a6": 360,
    "d2": 4,
    "d3": 6,
    "d59": 118,
    "d500": 1000,
    "q8": 8,
    "q12": 12,
    "q16": 16,
    "c2": 2,
    "c118": 118,
    "z118": 118,
    "c2xc4": 8,
    "s3xc2": 12,
    "c2xc2xc2": 8,
}


@pytest.mark.parametrize("name", ORDERS)
def test_every_named_group_satisfies_the_axioms(name: str) -> None:
    group = named_group(name)
    assert group.order == ORDERS[name]
    assert is_group_table(group.table)
    assert len(set(group.elements)) == group.order


def product_of(group: Group, x: str, y: str) -> str:
    return group.elements[group.table[group.elements.index(x), group.elements.index(y)]]


@pytest.mark.parametrize(
    "name, x, y, product",
    [
        # (1 2) applied first: 1 → 2 → 3, 2 → 1 → 1, 3 → 3 → 2.
        ("s3", "(2 3)", "(1 2)", "(1 3 2)"),
        ("s3", "(1 2)", "(2 3)", "(1 2 3)"),
        ("a4", "(1 2 3)", "(1 2 3)", "(1 3 2)"),
        ("d5", "s", "r", "r^4 s"),
        ("d5", "r", "s", "r s"),
        ("d5", "r^2 s", "r^2 s", "1"),
        ("q8", "s", "s", "r^2"),
        ("q8", "s", "r", "r^3 s"),
        ("c118", "100", "20", "2"),
        ("c2xc4", "(1, 3)", "(1, 2)", "(0, 1)"),
        ("s3xc2", "((1 2), 1)", "((1 2), 1)", "((), 0)"),
    ],
)
def test_products_worked_out_by_hand(name: str, x: str, y: str, product: str) -> None:
    assert product_of(named_group(name), x, y) == product


def test_a_quaternion_group_has_one_element_of_order_two() -> None:
    for name in ("q8", "q16", "q12"):
        assert (named_group(name).element_orders == 2).sum() == 1


def test_capitals_and_spaces_do_not_matter() -> None:
    assert named_group("C2 x C4").elements == named_group("c2xc4").elements
    assert named_group("S5").title == "S5"
    assert named_group("c2xc4").name == named_group("z2xz4").name == "c2xc4"


@pytest.mark.parametrize("name", ["", "s", "5", "m11", "s5x", "add", "x2+y2", "s-5", "s5 by c2", "c2*c2"])
def test_an_unknown_name_is_answered_with_those_accepted(name: str) -> None:
    assert not is_group_name(name)
    with pytest.raises(UserError, match="unknown group .* accepted: .*d59 of order 118.*q8.*s3xc2"):
        named_group(name)


@pytest.mark.parametrize("name", ["s7", "a2", "a7", "d1", "d501", "q10", "q4", "c1", "c9974"])
def test_a_number_outside_the_family_is_answered_with_its_range(name: str) -> None:
    with pytest.raises(UserError, match=f"there is no group '{name}' here; accepted: {name[0]}<"):
        named_group(name)


def test_a_product_of_too_high_an_order_is_refused() -> None:
    with pytest.raises(UserError, match="s5xs4 has order 2880; products are accepted up to order 1000"):
        named_group("s5xs4")


def test_a_family_is_added_by_one_function() -> None:
    @group_family("test", numbers=range(1, 2), order=lambda n: 2, accepted="test1: two elements")
    def two(n: int) -> Group:
        return Group("test1", np.array([[0, 1], [1, 0]]), title="T1")

    try:
        assert named_group("test1").title == "T1"
        assert "test1: two elements" in accepted_names()
        with pytest.raises(ValueError, match="two group families named 'test'"):
            group_family("test", numbers=range(1), order=lambda n: n, accepted="")(two)
    finally:
        del FAMILIES["test"]
        named_group.cache_clear()


def test_groups_and_their_bases_are_computed_without_pytorch() -> None:
    code = (
        "import sys; from grokking.groups.families import named_group; "
        "from grokking.groups import identify, table_file; "
        "named_group('s4').basis, named_group('c8').basis; sys.exit('torch' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], timeout=120).returncode
        == 0
    )

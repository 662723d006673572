"""Pairs, answers and groups, against arithmetic done one pair at a time."""

from collections.abc import Callable

import numpy as np
import pytest

from grokking.errors import UserError
from grokking.groups.cyclic import OUTSIDE
from grokking.tasks.modular import OPERATIONS, make_task, parse_operations
from grokking.tasks.pairs import PairTask

BY_HAND: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda a, b, p: (a + b) % p,
    "sub": lambda a, b, p: (a - b) % p,
    "mul": lambda a, b, p: a * b % p,
    "div": lambda a, b, p: next(c for c in range(p) if c * b % p == a),
    "x2+y2": lambda a, b, p: (a**2 + b**2) % p,
    "x3+xy": lambda a, b, p: (a**3 + a * b) % p,
}


def test_every_operation_has_answers_by_hand() -> None:
    assert set(BY_HAND) == set(OPERATIONS)


@pytest.mark.parametrize("p", [3, 7, 13])
@pytest.mark.parametrize("name", BY_HAND)
def test_answers(name: str, p: int) -> None:
    task = make_task(p, name)
    expected = [BY_HAND[name](a, b, p) for a, b, _ in task.tokens.tolist()]
    assert task.answers.tolist() == expected


def test_answers_do_not_overflow_at_the_largest_modulus() -> None:
    a, b, p = np.array([9971]), np.array([9972]), 9973
    for name in ("x2+y2", "x3+xy", "mul", "div"):
        assert OPERATIONS[name].answer(a, b, p).tolist() == [BY_HAND[name](9971, 9972, p)]


def test_pairs_stand_by_operation_then_a_then_b() -> None:
    task = make_task(3, "add,div")
    pairs = [[a, b, 3] for a in range(3) for b in range(3)]
    assert task.tokens.tolist() == pairs + [[a, b, 4] for a in range(3) for b in (1, 2)]
    assert task.operation_of_pair.tolist() == [0] * 9 + [1] * 6
    assert task.names == ("add", "div")


def test_only_division_leaves_out_pairs() -> None:
    for name in OPERATIONS:
        assert len(make_task(7, name).tokens) == (42 if name == "div" else 49)


@pytest.mark.parametrize("p", [3, 7, 11])
@pytest.mark.parametrize("name, order", [("add", 0), ("sub", 0), ("mul", -1), ("div", -1)])
@pytest.mark.parametrize("first", ["", "x2+y2,", "div,"])
def test_the_grid_holds_the_group_in_group_order(name: str, order: int, p: int, first: str) -> None:
    if first.startswith(name):
        first = ""
    task = make_task(p, first + name)
    grid, group = task.grid(name), task.group(name)
    assert grid is not None
    assert group is grid.group
    n = p + order
    assert grid.n == n
    assert len(grid.tokens) == n * n
    assert np.array_equal(task.tokens[grid.rows], grid.tokens)
    for row, (a, b, operation) in enumerate(grid.tokens.tolist()):
        assert operation == p + len(first.split(",")) - 1
        assert (group.index[a], group.index[b]) == divmod(row, n)
        assert group.members[grid.s[row]] == BY_HAND[name](a, b, p)


@pytest.mark.parametrize("name", ["mul", "div"])
def test_zero_lies_outside_the_multiplicative_group(name: str) -> None:
    grid = make_task(7, name).grid(name)
    assert grid is not None
    assert grid.group.index[0] == OUTSIDE
    assert (grid.tokens[:, :2] != 0).all()


@pytest.mark.parametrize("name", ["x2+y2", "x3+xy"])
def test_some_operations_have_no_group(name: str) -> None:
    task = make_task(7, f"add,{name}")
    assert task.group(name) is None
    assert task.grid(name) is None


def test_what_was_not_trained_cannot_be_asked_for() -> None:
    task = make_task(7, "add,sub")
    for question in (task.group, task.grid):
        with pytest.raises(UserError, match=r"'mul'.*add, sub"):
            question("mul")


@pytest.mark.parametrize("text", ["", "plus", "add,", "add,plus", "add mul", "ADD"])
def test_unknown_operations_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="unknown task"):
        parse_operations(text)


def test_an_operation_cannot_be_asked_for_twice() -> None:
    with pytest.raises(UserError, match="twice"):
        parse_operations("add,mul,add")


def test_blanks_around_names_are_forgiven() -> None:
    assert PairTask(7, parse_operations("add, mul")).names == ("add", "mul")

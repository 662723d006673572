"""Composition in a group as a task: its tokens, answers, pairs and config."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of, task_of
from grokking.groups.cyclic import CyclicGroup
from grokking.groups.families import named_group
from grokking.tasks import family_of, modulus_text, task_of_record
from grokking.tasks.finite_group import GroupTask

KLEIN = [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]]


def write_table(path: Path, table: list[list[int]]) -> str:
    path.write_text(json.dumps(table))
    return str(path)


@pytest.mark.parametrize("name", ["s3", "q8", "d5", "a4", "c2xc2"])
def test_every_pair_is_asked_and_answered_by_the_table(name: str) -> None:
    task, group = task_of(RunConfig(task=name)), named_group(name)
    n = group.order
    assert isinstance(task, GroupTask)
    assert task.tokens.tolist() == [[a, b, n] for a in range(n) for b in range(n)]
    assert np.array_equal(task.answers, group.table.ravel())
    assert (task.vocabulary.n_numbers, task.vocabulary.n_ops, task.vocabulary.n_classes) == (n, 1, n)
    assert (task.title, task.formula(name)) == (f"composition in {group.title}", f"a · b in {group.title}")
    assert task.elements == group.elements
    grid = task.grid(name)
    assert grid is not None
    assert np.array_equal(grid.s, group.table.ravel())
    assert np.array_equal(grid.rows, np.arange(n * n))


def test_a_cyclic_group_in_a_random_order_is_put_into_the_order_of_powers(tmp_path: Path) -> None:
    """Z_6 with its elements renamed: the pairs of the grid add up in the order of a generator's powers."""
    renamed = np.random.default_rng(0).permutation(6)
    table = np.empty((6, 6), dtype=int)
    for a in range(6):
        for b in range(6):
            table[renamed[a], renamed[b]] = renamed[(a + b) % 6]
    file = write_table(tmp_path / "six.json", table.tolist())
    task = task_of(RunConfig(task="table", group_table=file))
    grid = task.grid("table")
    assert isinstance(grid.group, CyclicGroup)
    i, j = np.divmod(np.arange(36), 6)
    assert np.array_equal(grid.s, (i + j) % 6)
    members = grid.group.members
    assert np.array_equal(task.answers[grid.rows], members[grid.s])
    assert np.array_equal(grid.group.index[members], np.arange(6))
    assert grid.group.title == "Z_6"
    assert grid.group.elements == tuple(str(x) for x in members)


def test_a_named_cyclic_group_asks_what_addition_asks() -> None:
    by_name, sums = task_of(RunConfig(task="c10")), task_of(RunConfig(task="add", p=10))
    assert np.array_equal(by_name.tokens, sums.tokens)
    assert np.array_equal(by_name.answers, sums.answers)
    assert np.array_equal(by_name.grid("c10").s, sums.grid("add").s)


def test_the_config_holds_the_table_itself(tmp_path: Path) -> None:
    file = tmp_path / "klein.json"
    config = RunConfig(task="table", group_table=write_table(file, KLEIN))
    file.unlink()
    record = json.loads(json.dumps(config.as_dict()))
    again = RunConfig.from_dict(record)
    assert again == config
    assert replace(config, seed=5).group_table == config.group_table
    assert task_of(again).group("table").table.tolist() == KLEIN
    assert task_of(again).title == "composition in Z_2 × Z_2"
    assert task_of_record(record).n_answers == 4
    assert shape_of(again).n_numbers == 4


def test_a_record_says_its_modulus_if_it_has_one() -> None:
    assert modulus_text(RunConfig(p=59).as_dict()) == " mod 59"
    assert modulus_text(RunConfig(task="s3").as_dict()) == ""


@pytest.mark.parametrize("name", ["add", "mul", "x2+y2", "kinematics", "add,mul"])
def test_no_group_takes_the_name_of_another_task(name: str) -> None:
    assert family_of(name).name != "group"


@pytest.mark.parametrize(
    "fields, message",
    [
        ({"task": "s9"}, "there is no group 's9' here; accepted: s<k>"),
        ({"task": "S5"}, "task is 'S5'; accepted: small letters without spaces, s5"),
        ({"task": "c5000"}, "order 5000; tasks compose in groups up to order 1000"),
        ({"task": "table"}, "with --task table, a file with the table"),
        ({"task": "s3", "group_table": "{}"}, "it belongs to --task table"),
        ({"task": "table", "group_table": "{}"}, "give --group_table FILE again"),
        ({"task": "table", "group_table": "nowhere.json"}, "cannot read nowhere.json"),
        ({"task": "add", "group_table": "nowhere.json"}, "group_table is 'nowhere.json'.*group tasks"),
        ({"task": "s3", "p": 7}, "p is 7.*modular tasks"),
        ({"task": "s3", "extra_tokens": -1}, "extra_tokens is -1"),
    ],
)
def test_what_is_no_group_is_refused_in_words(fields: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        RunConfig(**fields)


def test_a_table_that_is_no_group_is_refused_with_the_axiom_that_fails(tmp_path: Path) -> None:
    broken = [row.copy() for row in KLEIN]
    broken[1][2], broken[1][3] = 2, 3
    with pytest.raises(UserError, match="not a group: it is not associative"):
        RunConfig(task="table", group_table=write_table(tmp_path / "broken.json", broken))


def test_only_cyclic_groups_have_circles() -> None:
    with pytest.raises(UserError, match="S3 is not a cyclic group.*only Z_n has"):
        task_of(RunConfig(task="s3")).cyclic_group("s3")
    assert task_of(RunConfig(task="c6")).cyclic_group("c6").order == 6
    assert task_of(RunConfig(task="x2+y2")).cyclic_group("x2+y2") is None

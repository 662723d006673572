"""Which pairs were trained on."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import split_of as drawn_split
from grokking.interop.splits import fraction, make_split, split_in
from grokking.tasks.modular import make_task

TASK = make_task(11, "add")
PAIRS = [(a, b) for a in range(11) for b in range(11)]


def pairs_of(rows: np.ndarray) -> list[tuple[int, int]]:
    return [PAIRS[row] for row in rows]


@pytest.mark.parametrize("text, share", [("598", 0.3), ("598:0.5", 0.5), ("0:.25", 0.25)])
def test_recipes_are_what_people_wrote(text: str, share: float) -> None:
    seed = int(text.split(":")[0])
    torch.manual_seed(seed)
    indices = torch.randperm(121)[: int(121 * share)].tolist()
    assert set(pairs_of(make_split(f"torch-randperm:{text}", TASK).train)) == {PAIRS[i] for i in indices}
    shuffled = list(PAIRS)
    random.seed(seed)
    random.shuffle(shuffled)
    split = make_split(f"python-shuffle:{text}", TASK)
    assert set(pairs_of(split.train)) == set(shuffled[: int(121 * share)])
    assert sorted([*split.train, *split.test]) == list(range(121))
    assert fraction(split) == pytest.approx(len(split.train) / 121, abs=1e-6)


def test_the_shuffle_is_that_of_our_own_preset() -> None:
    task = make_task(113, "add")
    ours = drawn_split(RunConfig(p=113, init_scheme="nanda", equals_class=True, seed=3), task)
    assert np.array_equal(make_split("python-shuffle:3", task).train, ours.train)


@pytest.mark.parametrize(
    "name, text",
    [
        ("pairs.csv", "a,b\n1,2\n10,10\n"),
        ("pairs.txt", "1 2\n\n10 10"),
        ("pairs.json", "[[1, 2], [10, 10]]"),
        ("pairs.csv", "1,2,11\n10,10,11\n"),
    ],
)
def test_files_of_pairs(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert pairs_of(make_split(str(tmp_path / name), TASK).train) == [(1, 2), (10, 10)]


def test_pairs_of_several_operations_name_theirs(tmp_path: Path) -> None:
    task = make_task(5, "add,div")
    (tmp_path / "pairs.json").write_text(json.dumps([[1, 2, 0], [1, 2, 1]]))
    rows = make_split(str(tmp_path / "pairs.json"), task).train
    assert task.tokens[rows].tolist() == [[1, 2, 5], [1, 2, 6]]
    with pytest.raises(UserError, match="recipes split the pairs of one operation"):
        make_split("torch-randperm:1", task)


@pytest.mark.parametrize(
    "text",
    [
        "torch-randperm",
        "torch-randperm:",
        "torch-randperm:-1",
        "torch-randperm:1:1.5",
        "torch-randperm:1:0",
        "numpy:3",
        "python-shuffle:1:0.001",
        "absent.csv",
        "torch-randperm:1:.0",
    ],
)
def test_splits_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UserError, match=r"accepted|gives 0"):
        make_split(text, TASK)


@pytest.mark.parametrize(
    "content", ["1,2\n1,2\n", "1,11\n", "1\n2\n", "1,2\nx,y\n", "", "\n".join(f"{a},{b}" for a, b in PAIRS)]
)
def test_files_that_hold_no_split_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text(content)
    with pytest.raises(UserError, match=str(tmp_path)):
        make_split(str(tmp_path / "pairs.csv"), TASK)


@pytest.mark.parametrize(
    "saved, rows",
    [
        (torch.tensor([3, 1]), [1, 3]),
        ([3, 1], [1, 3]),
        ([(0, 1, 11), (0, 3, 11)], [1, 3]),
        ([[0, 1], [0, 3]], [1, 3]),
        (None, None),
        ([], None),
        ([1, 1], None),
        ([999], None),
        ("abc", None),
        ([[0]], None),
        ([{}], None),
        (torch.zeros(10**6), None),
        ([10**30], None),
    ],
)
def test_what_a_file_of_weights_says_of_its_split(saved: object, rows: list[int] | None) -> None:
    split = split_in(saved, TASK)
    assert (None if split is None else split.train.tolist()) == rows


def test_an_imported_file_brings_its_split_along(imported) -> None:
    from grokking.runs.run import Run
    from tests.interop.foreign import PerHead

    torch.manual_seed(0)
    record = {"model": PerHead(11).state_dict(), "train_indices": torch.arange(40), "epoch": 5}
    run = Run(imported(record).path)
    assert run.split is not None
    assert run.split.train.tolist() == list(range(40))
    assert run.config.split == "kept"

"""Records of any content: a sound one comes back, of any other it is said what is wrong."""

from pathlib import Path

import pytest

from grokking.errors import DamagedFile
from grokking.storage.schema import checked_about, checked_history, checked_train_rows

GOOD = {
    "config": {"p": 7},
    "grokking_epoch": None,
    "epochs": [0, 10, 20],
    "train_loss": [3.0, 2.0, 1.0],
    "key_frequencies": [[], [1], [1, 2]],
}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"epochs": None}, "no list of epochs"),
        ({"config": None}, "no config"),
        ({"config": [7]}, "no config"),
        ({"epochs": [0, 20, 10]}, "do not increase"),
        ({"epochs": [0, 10, 10]}, "do not increase"),
        ({"epochs": [0, 10, 20.5]}, "do not increase"),
        ({"epochs": [0, 10, "20"]}, "do not increase"),
        ({"train_loss": [3.0, 2.0]}, "train_loss has 2 values for 3 epochs"),
        ({"train_loss": [3.0, 2.0, float("nan")]}, "train_loss holds something other than finite numbers"),
        ({"key_frequencies": [[], [1], [1, True]]}, "key_frequencies holds something other"),
        ({"grokking_epoch": 10**400}, "grokking_epoch holds something other"),
        ({"grokking_epoch": [0, 0, 0]}, r"grokking_epoch is \[0, 0, 0\], which is not an epoch"),
        ({"grokking_epoch_mul": 12.5}, "grokking_epoch_mul is 12.5, which is not an epoch"),
        ({"memorisation_epoch": -10}, "memorisation_epoch is -10, which is not an epoch"),
        ({"train_acc": [None, -0.5, 1.0]}, r"train_acc holds -0.5; accuracies are in \[0, 1\]"),
        ({"test_acc_mul": [0.0, 0.5, 1.5]}, "test_acc_mul holds 1.5"),
        ({"train_loss": [3.0, 2.0, "sign"]}, "train_loss holds something other"),
        ({"logit_similarity": [{"sign": "much"}, {}, {}]}, "logit_similarity holds something other"),
        ({"logit_similarity": {"sign": 0.5}}, "logit_similarity holds something other"),
        ({"test_acc": [{"sign": 0.5}, 1, 1]}, r"test_acc holds \{'sign': 0.5\}"),
        ({"test_acc": [0.0, [0.5], 1]}, r"test_acc holds \[0.5\]"),
    ],
)
def test_a_history_that_does_not_align_is_damaged(change: dict[str, object], message: str) -> None:
    with pytest.raises(DamagedFile, match=message):
        checked_history({**GOOD, **change}, Path("history.json"))


def test_accuracies_that_nobody_could_know_are_no_damage() -> None:
    record = {
        **GOOD,
        "train_acc": [None] * 3,
        "all_acc": [0, 0.5, 1.0],
        "grokking_epoch_add": 10,
        "test_acc": [None, 0.5, 1.0],
        "test_acc_add": [0.0, 0.5, None],
        "key_frequencies": [None, [], [1]],
    }
    assert checked_history(record, Path("history.json")) == record


def test_blocks_have_labels_and_values_by_label() -> None:
    record = {
        **GOOD,
        "key_blocks": [[], ["sign"], ["sign", "standard ⊗ sign"]],
        "dominant_block": ["sign", None, "5a"],
        "logit_similarity": [{"sign": 0.5, "5a": None}, None, {}],
    }
    assert checked_history(record, Path("history.json")) == record


@pytest.mark.parametrize("record", [[], None, "epochs", {}])
def test_what_is_no_history_is_damaged(record: object) -> None:
    with pytest.raises(DamagedFile, match="not a history"):
        checked_history(record, Path("history.json"))


@pytest.mark.parametrize("record", [{"config": 3}, {"config": {}, "versions": {}, "command": ["python"]}])
def test_a_record_of_how_a_run_was_made_comes_back(record: dict[str, object]) -> None:
    assert checked_about(record, Path("config.json")) == record


@pytest.mark.parametrize(
    "record, message",
    [
        ([], "it has no config"),
        ({}, "it has no config"),
        ({"config": {}, "versions": 3}, "its versions is 3$"),
        ({"config": {}, "command": "python"}, "its command is 'python'"),
    ],
)
def test_a_record_of_something_else_is_damaged(record: object, message: str) -> None:
    with pytest.raises(
        DamagedFile, match=rf"^config\.json is damaged, or was not made by this project: {message}"
    ):
        checked_about(record, Path("config.json"))


def test_train_rows_come_back() -> None:
    assert checked_train_rows({"train": [0, 3, 8]}, 9, Path("split.json")) == [0, 3, 8]


@pytest.mark.parametrize("record", [[], {}, {"train": 3}, {"train": [0, 1.0]}, {"train": [False, True]}])
def test_what_is_no_list_of_rows_is_damaged(record: object) -> None:
    with pytest.raises(DamagedFile, match="no list of train rows"):
        checked_train_rows(record, 9, Path("split.json"))


@pytest.mark.parametrize("rows", [[], list(range(9)), [3, 0], [0, 0, 3], [-1, 3], [0, 9]])
def test_rows_that_are_not_a_part_of_the_pairs_are_damaged(rows: list[int]) -> None:
    with pytest.raises(DamagedFile, match="not a proper subset of the 9 pairs"):
        checked_train_rows({"train": rows}, 9, Path("split.json"))

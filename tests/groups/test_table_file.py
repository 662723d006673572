"""Groups from files: each format, and what is wrong with a file in words."""

import json
from pathlib import Path

import numpy as np
import pytest

from grokking.errors import UserError
from grokking.groups.families import named_group
from grokking.groups.table_file import group_from_table, read_group

S3 = named_group("s3").table


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_json_csv_and_npy_give_the_same_group(tmp_path: Path) -> None:
    np.save(tmp_path / "three.npy", S3.astype(np.uint8))
    paths = [
        written(tmp_path, "three.json", json.dumps(S3.tolist())),
        written(tmp_path, "three.csv", "\n".join(", ".join(map(str, row)) for row in S3) + "\n"),
        tmp_path / "three.npy",
    ]
    for path in paths:
        group = read_group(path)
        assert group.name == "three"
        np.testing.assert_array_equal(group.table, S3)
        assert group.basis.labels == ("trivial", "sign", "standard")


def test_names_in_json_become_the_elements(tmp_path: Path) -> None:
    path = written(tmp_path, "two.json", json.dumps({"table": [[0, 1], [1, 0]], "names": ["even", "odd"]}))
    group = read_group(path)
    assert group.elements == ("even", "odd")
    assert group.basis.labels == ("trivial", "1")


def test_messages_use_the_names(tmp_path: Path) -> None:
    path = written(tmp_path, "two.json", json.dumps({"table": [[0, 1], [1, 1]], "names": ["even", "odd"]}))
    with pytest.raises(UserError, match=r"odd has no inverse, no y with odd·y = y·odd = even"):
        read_group(path)


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("t.txt", "", "is read from .json, .csv, .npy, not from '.txt'"),
        ("t.json", "[[0, 1], [1", "is not a JSON file"),
        ("t.json", "[" * 100_000, "is not a JSON file"),
        ("t.json", "{}", 'has no "table"; give a nested list'),
        ("t.json", '{"table": [[0, 1], [1, 0]], "names": "ab"}', '"names" must be a list of labels'),
        (
            "t.json",
            '{"table": [[0, 1], [1, 0]], "names": ["a"]}',
            "1 names, 1 of them different, for 2 elements",
        ),
        ("t.json", '{"table": [[0, 1], [1, 0]], "names": ["a", "a"]}', "2 names, 1 of them different"),
        ("t.json", "3", "holds no multiplication table; it must be a list of rows"),
        ("t.json", "[]", "holds no multiplication table"),
        ("t.json", "[[0]]", "has order 1; orders from 2 to 1000 are accepted"),
        ("t.json", "[[0, 1], [1]]", "is not square: of 2 rows, row 1 (from 0) has 1 entries"),
        ("t.json", "[[0, 1], [1, true]]", "row 1, column 1, both from 0, is 'True'; it must be the index"),
        ("t.json", "[[0, 1], [1, 0.0]]", "row 1, column 1, both from 0, is '0.0'"),
        ("t.json", "[[0, 1], [1, null]]", "is 'None'"),
        ("t.json", "[[0, 1], [1, 99999999999999999999]]", "is '99999999999999999999'"),
        ("t.json", "[[1, 2], [2, 1]]", "subtract 1 from entries that count from 1"),
        ("t.csv", "", "holds no multiplication table"),
        (
            "t.csv",
            "0,1\n1,x\n",
            "row 1, column 1, both from 0, is 'x'; it must be the index of an element, 0 to 1",
        ),
        ("t.csv", "0,1\n1\n", "is not square"),
        ("t.npy", "no array", "is not an npy file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        read_group(written(tmp_path, name, text))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "array, message",
    [
        (np.zeros((2, 3), int), "has shape 2×3; a multiplication table is square"),
        (np.zeros(4, int), "has shape 4; a multiplication table is square"),
        (np.zeros((2, 2)), "has entries of type float64; indices of elements are whole numbers"),
        (np.zeros((1001, 1001), np.uint16), "has order 1001; orders from 2 to 1000 are accepted"),
        (np.array([[0, 1], [1, 2**64 - 1]], np.uint64), "not closed"),
    ],
)
def test_arrays_that_are_no_tables(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "t.npy", array)
    with pytest.raises(UserError) as caught:
        read_group(tmp_path / "t.npy")
    assert message in str(caught.value)


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.array([[{}, {}], [{}, {}]]), allow_pickle=True)
    with pytest.raises(UserError, match="is not an npy file of whole numbers"):
        read_group(tmp_path / "t.npy")


def test_a_missing_file_and_a_huge_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot read .*: No such file"):
        read_group(tmp_path / "none.json")
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(2**26)
    with pytest.raises(UserError, match="is larger than a multiplication table of order 1000 can be"):
        read_group(tmp_path / "huge.csv")


def test_a_header_that_promises_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "t.npy", np.zeros((900, 900), np.int64))
    content = (tmp_path / "t.npy").read_bytes()
    (tmp_path / "t.npy").write_bytes(content[:2000])
    with pytest.raises(UserError, match="is not an npy file"):
        read_group(tmp_path / "t.npy")


def test_an_unknown_group_keeps_labels_by_degree() -> None:
    # The modular group of order 16, ⟨r, s: r^8 = s^2 = 1, s·r = r^5·s⟩, is in none of the families.
    i, flip = np.arange(16) % 8, np.arange(16) // 8
    turn = i[:, None] + np.where(flip[:, None] == 1, 5 * i, i)
    group = group_from_table(turn % 8 + 8 * (flip[:, None] ^ flip), "m16")
    assert group.basis.labels == ("trivial", "sign", "sign b", "sign c", "1a", "1b", "2a")
    assert [block.size for block in group.basis.blocks] == [1, 1, 1, 1, 2, 2, 8]

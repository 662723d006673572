"""Files appear whole or not at all, whatever happens while they are written."""

import errno
import json
import os
import re
from pathlib import Path

import pytest

from grokking.errors import DamagedFile, UserError
from grokking.storage.atomic_io import make_folder, read_bytes, read_json, write_bytes, write_json


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"a": [1, None, "ü"]})
    assert read_json(path) == {"a": [1, None, "ü"]}
    write_bytes(path, b"\x00\xff")
    assert read_bytes(path) == b"\x00\xff"
    assert [p.name for p in tmp_path.iterdir()] == ["file.json"]


@pytest.mark.parametrize("failing", ["fsync", "replace", "fdopen"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.safetensors"
    write_bytes(path, b"old")
    monkeypatch.setattr(os, failing, no_space)
    with pytest.raises(UserError, match="weights.safetensors: No space left") as caught:
        write_bytes(path, b"new")
    monkeypatch.undo()
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_half_written_files_do_not_look_like_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def spy(source: str, target: Path) -> None:
        seen.append((Path(source), target))
        assert not target.exists()
        assert Path(source).read_bytes() == b"weights"

    monkeypatch.setattr(os, "replace", spy)
    write_bytes(tmp_path / "checkpoint_e000000.safetensors", b"weights")
    [(temporary, target)] = seen
    assert temporary.parent == target.parent
    assert temporary.suffix != ".safetensors"


def test_nothing_in_the_library_writes_a_file_in_its_place(root: Path) -> None:
    """``files.write_bytes`` makes files appear whole; what else writes makes what nobody reads yet."""
    ways = (
        r"\.write_text\(",
        r"\.write_bytes\(",
        r"\bopen\([^)]*[\"'][wax]b?\+?[\"']",
        r"savefig\((output|path)",
        r"save_file\(",
    )
    in_place = re.compile("|".join(ways))
    found = {
        f"{path.relative_to(root)}: {line.strip()}"
        for path in (root / "grokking").rglob("*.py")
        for line in path.read_text().splitlines()
        if in_place.search(line)
    }
    # In a folder of its own, and in a temporary one:
    assert found == {
        "grokking/interop/archive.py: (folder / name).write_bytes(archive.read(entry))",
        'grokking/films/frames.py: with os_errors_as(f"write {path}"), open(path, "wb") as file:',
    }


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write .*file"):
        write_bytes(tmp_path / "file" / "a.json", b"")
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(UserError, match="cannot create the folder .*file.*; choose another place"):
            make_folder(folder)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Tests may run as root, to whom everything can be written.
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match="cannot be written"):
        make_folder(tmp_path)


def test_folders_are_made_with_their_parents(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_holds_finite_numbers_only(value: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "file.json", [value])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b'{"a": [1, 2', b"\xff\xfe\x00", b"[" * 100_000, b"{'a': 1}"])
def test_what_is_not_json_is_damaged(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "history.json"
    path.write_bytes(content)
    with pytest.raises(DamagedFile, match="history.json") as caught:
        read_json(path)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path):
        with pytest.raises(UserError, match=f"cannot read {path}"):
            read_json(path)


def test_json_ends_with_a_line_end(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": 1})
    text = (tmp_path / "a.json").read_text()
    assert text.endswith("\n")
    assert json.loads(text) == {"b": 1}

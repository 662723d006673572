"""The manifest: every byte of a run directory is vouched for, at every moment of a change."""

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from grokking.errors import DamagedFile, UserError
from grokking.runs.run import Run
from grokking.storage.checksummed_dir import MANIFEST, ChecksummedDir, Manifest, digest, digest_of_file
from grokking.storage.run_directory import RunDirectory


@pytest.fixture
def folder(tmp_path: Path) -> ChecksummedDir:
    """A folder with the files a and b."""
    made = ChecksummedDir(tmp_path / "folder", lambda name: len(name) == 1)
    made.change({"a": b"alpha", "b": b"beta"})
    return made


@pytest.fixture
def copied(tiny_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may harm."""
    return Path(shutil.copytree(tiny_run, tmp_path / "copied"))


def allowed(folder: ChecksummedDir) -> dict[str, list[str | None]]:
    """By file, the contents' digests that the manifest on disk allows."""
    return dict(json.loads((folder.path / MANIFEST).read_text())["files"])


# The manifest alone


@pytest.mark.parametrize("name", ["/dev/zero", "../a", "a/b", "..", ".", "", "a\\b", "c:a", "a\0"])
def test_a_manifest_speaks_of_files_beside_it_alone(name: str) -> None:
    with pytest.raises(DamagedFile, match="m is damaged"):
        Manifest.from_bytes(Manifest({name: (digest(b""),)}).to_bytes(), Path("m"))


def test_a_manifest_comes_back() -> None:
    manifest = Manifest({"b": ("1", None), "a": ("2",)})
    assert Manifest.from_bytes(manifest.to_bytes(), Path("m")) == manifest
    assert Manifest.from_bytes(Manifest().to_bytes(), Path("m")) == Manifest()


def test_every_flipped_bit_of_a_manifest_is_noticed() -> None:
    content = Manifest({"config.json": (digest(b"x"),), "b": (digest(b"y"), None)}).to_bytes()
    for at in range(len(content)):
        for bit in range(8):
            flipped = content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]
            with pytest.raises(DamagedFile, match="m is damaged"):
                Manifest.from_bytes(flipped, Path("m"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'{"files": []}',
        b'{"files": {"a": 1}}',
        b'{"files": {"a": [{}]}}',
        b"[" * 100_000,
        b"\xff",
        b'"files"',
    ],
)
def test_what_is_no_manifest_is_named(content: bytes) -> None:
    with pytest.raises(DamagedFile, match="m is damaged"):
        Manifest.from_bytes(content, Path("m"))


def test_a_change_is_announced_and_settled() -> None:
    before = Manifest({"a": ("old",), "gone": ("x",)})
    during = before.announcing({"a": "new", "b": "first", "gone": None})
    assert during.files == {"a": ("old", "new"), "b": (None, "first"), "gone": ("x", None)}
    assert set(during.unsettled) == {"a", "b", "gone"}
    after = during.settled({"a": "new", "b": "first", "gone": None})
    assert after.files == {"a": ("new",), "b": ("first",)}
    assert not after.unsettled


def test_an_unchanged_file_needs_no_settling() -> None:
    assert not Manifest({"a": ("same",)}).announcing({"a": "same"}).unsettled


def test_digests(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    # FIPS 180-2: the digest of nothing.
    assert (
        digest_of_file(tmp_path / "empty")
        == digest(b"")
        == ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    )
    assert digest_of_file(tmp_path / "absent") is None


# A folder


def test_a_folder_reads_what_was_written(folder: ChecksummedDir) -> None:
    assert (folder.read("a"), folder.read("b")) == (b"alpha", b"beta")
    assert folder.faults() == {}
    folder.change({"a": b"new", "b": None})
    assert folder.read("a") == b"new"
    assert not folder.listed("b")
    assert sorted(path.name for path in folder.path.iterdir()) == ["a", MANIFEST]


def test_damage_is_named(folder: ChecksummedDir) -> None:
    (folder.path / "a").write_bytes(b"alphb")
    (folder.path / "b").unlink()
    with pytest.raises(DamagedFile, match=r"/a is damaged: its sha256"):
        folder.read("a")
    faults = folder.faults()
    assert sorted(faults) == ["a", "b"]
    assert faults["b"] == "is missing"
    # Damage stays damage when other files change, until the file itself is written anew.
    folder.change({"c": b"gamma"})
    assert sorted(folder.faults()) == ["a", "b"]
    folder.change({"a": b"alpha", "b": None})
    assert folder.faults() == {}


def test_a_damaged_manifest_is_named_and_replaced_by_the_next_change(folder: ChecksummedDir) -> None:
    (folder.path / MANIFEST).write_bytes(b"")
    assert list(folder.faults()) == [MANIFEST]
    assert folder.read("a") == b"alpha"
    folder.change({"a": b"new"})
    assert folder.faults() == {}
    assert folder.listed("b")


def test_files_without_a_manifest_are_accepted_and_listed_at_the_next_change(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"by hand")
    (tmp_path / "notes.txt").write_bytes(b"not ours")
    folder = ChecksummedDir(tmp_path, lambda name: len(name) == 1)
    assert (folder.read("a"), folder.faults(), folder.listed("a")) == (b"by hand", {}, False)
    folder.change({"b": b"beta"})
    assert sorted(allowed(folder)) == ["a", "b"]
    (tmp_path / "a").write_bytes(b"altered")
    assert list(folder.faults()) == ["a"]


class Died(BaseException):
    """As SIGKILL: nobody cleans up."""


@pytest.mark.parametrize("n", range(1, 5))
def test_a_folder_whose_writer_died_is_not_damaged(
    n: int, folder: ChecksummedDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before its n-th file is in place: manifest, a, c, manifest (b goes before c comes)."""
    calls, replace = 0, os.replace

    def die(source: str, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == n:
            raise Died
        replace(source, target)

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(Died):
        folder.change({"a": b"new", "b": None, "c": b"gamma"})
    monkeypatch.undo()
    other = ChecksummedDir(folder.path, folder.belongs)
    assert other.faults() == {}
    assert bool(other.unsettled) == (n > 1)
    present = {name: (folder.path / name).exists() for name in "abc"}
    assert present == {"a": True, "b": n < 3, "c": n >= 4}
    with other.writing():
        assert not other.unsettled
    assert other.faults() == {}
    assert sorted(allowed(other)) == [name for name in "abc" if present[name]]
    (folder.path / "a").write_bytes(b"harmed")
    assert list(other.faults()) == ["a"]


def test_a_reader_is_not_misled_by_a_writer(folder: ChecksummedDir, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the manifest and the file, and between the file and the manifest, all may change."""
    reader = ChecksummedDir(folder.path, folder.belongs)
    reader.read("a")
    contents = iter([b"second", b"third", b"fourth"])
    open_file = Path.read_bytes

    def meanwhile(path: Path) -> bytes:
        content = open_file(path)
        if path.name == "a" and (new := next(contents, None)) is not None:
            folder.change({"a": new})
        return content

    monkeypatch.setattr(Path, "read_bytes", meanwhile)
    assert reader.read("a") in (b"alpha", b"second", b"third", b"fourth")
    assert reader.faults() == {}


def test_half_written_files_go_and_others_temporary_files_stay(folder: ChecksummedDir) -> None:
    for name in (".a.x7.tmp", f".{MANIFEST}.x7.tmp", ".editor.tmp", ".long.x7.tmp"):
        (folder.path / name).write_bytes(b"")
    with folder.writing():
        pass
    assert sorted(path.name for path in folder.path.glob(".*")) == [".editor.tmp", ".long.x7.tmp"]


def test_a_full_disk_leaves_a_folder_that_can_be_told_from_a_damaged_one(
    folder: ChecksummedDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    import grokking.storage.checksummed_dir as module

    write = module.write_bytes

    def full(path: Path, content: bytes) -> None:
        if path.name == "b":
            raise UserError("cannot write: no space")
        write(path, content)

    monkeypatch.setattr(module, "write_bytes", full)
    with pytest.raises(UserError, match="no space"):
        folder.change({"a": b"new", "b": b"new"})
    assert folder.faults() == {}
    assert (folder.read("a"), folder.read("b")) == (b"new", b"beta")


# A run


def test_a_run_lists_every_file_of_its_own(
    tiny_run: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    files = contents(tiny_run)
    listed = json.loads(files.pop(MANIFEST))["files"]
    assert listed == {name: [digest(content)] for name, content in sorted(files.items())}


def test_a_damaged_file_that_nobody_reads_is_named(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copied / "checkpoint_e000025.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    run = Run(copied)
    assert run.history["epochs"]
    assert f"warning: {path} is damaged: its sha256" in capsys.readouterr().err
    assert 25 not in run.epochs
    with pytest.raises(DamagedFile, match="checkpoint_e000025"):
        run.weights(25)


def test_the_newest_undamaged_weights_are_the_final_ones(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copied / "checkpoint_e000060.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    run = Run(copied)
    assert run.final_epoch == 50
    assert "the newest undamaged weights are those of epoch 50" in capsys.readouterr().err


def test_truncated_weights_without_a_manifest_are_named_too(
    copied: Path, made_by_hand: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    made_by_hand(copied)
    path = copied / "checkpoint_e000060.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert Run(copied).final_epoch == 50
    assert path.name in capsys.readouterr().err


@pytest.mark.parametrize("seed", range(40))
def test_one_wrong_byte_anywhere_in_a_run_is_named(seed: int, copied: Path) -> None:
    draw = random.Random(seed)
    path = draw.choice(sorted(path for path in copied.iterdir() if path.is_file()))
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)
    assert list(RunDirectory(copied).faults()) == [path.name]

"""Every mistake that ``grokking train`` answers: in one line, and nothing is lost."""

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grokking.config import RunConfig
from grokking.storage.run_directory import RunDirectory

Command = Callable[..., Any]
Contents = Callable[[Path], dict[str, bytes]]

BAD = [
    *[("--p", p) for p in (1, 2, 0, -7, 113.5, "many", 999_983)],
    *[("--task", task, "--p", p) for task, p in (("mul", 9), ("add,div", 4))],
    *[("--train_frac", f) for f in (0, 1, -0.1, 1.5, "nan", "inf", 0.001, "half")],
    *[("--n_epochs", n) for n in (0, -1, "nan", 1.5)],
    *[("--log_every", n) for n in (0, -1)],
    *[("--checkpoint_every", n) for n in (0, -1)],
    *[("--lr", x) for x in (-1, "nan", "inf", "fast")],
    *[("--weight_decay", x) for x in (-1, "nan", "-inf")],
    ("--d_model", 33),
    ("--n_heads", 0),
    ("--d_mlp", 0),
    ("--activation", "tanh"),
    ("--attention_temperature", 0),
    ("--betas", 0.9, 1.0),
    ("--warmup", -1),
    ("--seed", -1),
    ("--recipe", "home-made"),
    ("--preset", "nope"),
    ("--task", "plus"),
    ("--task", "add,add"),
    ("--task", ""),
    ("--device", "tpu"),
    ("--device", "cuda:99"),
    ("--engine", "warp"),
    ("--engine", "numba", "--layer_norm"),
    ("--recipe", "nanda", "--layer_norm"),
    *[("--threads", n) for n in (0, 100_000)],
    *[("--run_name", name) for name in ("", ".", "..", "../out", "a/b", "/tmp/run", "x" * 300, "new\nline")],
    ("--no_such_flag",),
    ("stray",),
    ("--config", "absent.json"),
    *[("--seeds", seeds) for seeds in ("", "5:2", "x", "1,1", "3:3", "-1:2", "-1,2")],
    ("--lr", "-1e-3"),
    ("--seed", 3, "--seeds", "0:2"),
    *[("--init_from", source) for source in ("absent:3", "absent", ":3", "absent:x")],
]


@pytest.mark.parametrize("flags", BAD, ids=lambda flags: " ".join(map(repr, flags))[:60])
def test_a_mistake_is_one_line_and_leaves_nothing(
    flags: tuple[object, ...], command: Command, tiny_flags: list[str], tmp_path: Path
) -> None:
    ended = command(*tiny_flags, "--n_epochs", 1, "--output_dir", tmp_path / "out", *flags)
    ended.assert_refused()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flags", BAD, ids=lambda flags: " ".join(map(repr, flags))[:60])
def test_a_mistake_beside_overwrite_costs_nothing(
    flags: tuple[object, ...], command: Command, tiny_flags: list[str], copied: Path, contents: Contents
) -> None:
    """The old run goes only once it is certain that a new one can begin."""
    before = contents(copied)
    ended = command(*tiny_flags, "--n_epochs", 1, "--output_dir", copied, "--overwrite", *flags)
    ended.assert_refused()
    assert contents(copied) == before


def test_a_run_of_another_config_is_refused_with_its_keys(
    command: Command, tiny_flags: list[str], copied: Path, contents: Contents
) -> None:
    before = contents(copied)
    ended = command(*tiny_flags, "--lr", 0.01, "--seed", 2, "--output_dir", copied)
    ended.assert_refused("lr = 0.001", "seed = 0", "--overwrite")
    assert contents(copied) == before


def test_a_finished_run_cannot_become_shorter(
    command: Command, tiny_flags: list[str], copied: Path, contents: Contents
) -> None:
    before = contents(copied)
    command(*tiny_flags, "--n_epochs", 5, "--output_dir", copied).assert_refused("epoch 60")
    assert contents(copied) == before


@pytest.mark.parametrize("name", ["config.json", "history.json"])
@pytest.mark.parametrize("content", [b"", b'{"p": 11', b"[]", b"\xff\xd8\xff\xe0"])
def test_a_damaged_file_is_named_and_kept(
    name: str, content: bytes, command: Command, tiny_flags: list[str], copied: Path, contents: Contents
) -> None:
    (copied / "default" / name).write_bytes(content)
    before = contents(copied)
    ended = command(*tiny_flags, "--n_epochs", 90, "--output_dir", copied)
    ended.assert_refused(name, "restore a copy of it, or train the run again")
    assert contents(copied) == before


def test_a_history_of_another_modulus_is_refused_and_kept(
    command: Command,
    tiny_flags: list[str],
    copied: Path,
    contents: Contents,
    made_by_hand: Callable[[Path], None],
) -> None:
    made_by_hand(copied / "default")
    path = copied / "default" / "history.json"
    record = json.loads(path.read_text())
    record["config"]["p"] = 13
    path.write_text(json.dumps(record))
    before = contents(copied)
    command(*tiny_flags, "--n_epochs", 90, "--output_dir", copied).assert_refused("history.json", "p = 13")
    assert contents(copied) == before


def test_a_checkpoint_of_another_run_is_refused_and_kept(
    command: Command,
    tiny_flags: list[str],
    copied: Path,
    contents: Contents,
    made_by_hand: Callable[[Path], None],
) -> None:
    made_by_hand(copied / "default")
    directory = RunDirectory(copied / "default")
    state = directory.load(60)
    state.config = RunConfig(p=13)
    directory.checkpoint_path(60).write_bytes(state.to_bytes())
    before = contents(copied)
    ended = command(*tiny_flags, "--n_epochs", 90, "--output_dir", copied)
    ended.assert_refused("checkpoint_e000060", "another run")
    assert contents(copied) == before


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--init_from", "{run}:7"], ["epoch 7", "60"]),
        (["--init_from", "{run}:²"], ["²"]),
        (["--init_from", "{run}:60", "--d_mlp", "48"], ["W_in", "(16, 32)", "(16, 48)"]),
        (["--init_from", "{run}:60", "--p", "13"], ["W_E"]),
        (["--init_from", "{run}:60", "--layer_norm"], ["ln1_w", "missing"]),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    flags: list[str],
    words: list[str],
    command: Command,
    tiny_flags: list[str],
    tiny_run: Path,
    tmp_path: Path,
) -> None:
    flags = [flag.format(run=tiny_run) for flag in flags]
    command(*tiny_flags, "--n_epochs", 1, "--output_dir", tmp_path / "out", *flags).assert_refused(*words)
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_is_a_file_is_refused(
    command: Command, tiny_flags: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        command(*tiny_flags, "--n_epochs", 1, "--output_dir", folder).assert_refused(str(folder))
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_directory_that_is_a_file_is_refused(
    command: Command, tiny_flags: list[str], tmp_path: Path
) -> None:
    (tmp_path / "default").write_text("mine")
    for more in ([], ["--overwrite"]):
        ended = command(*tiny_flags, "--n_epochs", 1, "--output_dir", tmp_path, *more)
        ended.assert_refused(str(tmp_path / "default"))
    assert (tmp_path / "default").read_text() == "mine"


def test_an_output_folder_that_cannot_be_written_is_refused(
    command: Command, tiny_flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tests may run as root, to whom everything can be written.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    ended = command(*tiny_flags, "--n_epochs", 1, "--output_dir", tmp_path)
    ended.assert_refused(str(tmp_path), "cannot be written")
    assert list(tmp_path.rglob("*.json")) == []


def test_a_full_disk_is_one_line_and_loses_nothing(
    command: Command, tiny_flags: list[str], copied: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = contents(copied)
    monkeypatch.setattr(os, "fsync", full)
    ended = command(*tiny_flags, "--n_epochs", 90, "--output_dir", copied)
    assert ended.code == 2
    assert ended.err.splitlines()[-1].startswith("error: cannot write ")
    assert "No space left" in ended.err
    assert contents(copied) == before

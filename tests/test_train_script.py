"""train_with_metrics.py as a person meets it: what it writes, and every mistake it answers."""

import errno
import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from grokking.config import RunConfig
from grokking.progress import read_progress
from grokking.reading import load_run
from grokking.runs import PROGRESS, RunDirectory
from grokking.training.progress import Progress

Command = Callable[..., Any]
Contents = Callable[[Path], dict[str, bytes]]


@pytest.fixture
def copied(tiny_run: Path, tmp_path: Path) -> Path:
    """An output folder that holds the tiny run under its default name."""
    shutil.copytree(tiny_run, tmp_path / "out" / "default")
    return tmp_path / "out"


def assert_refused(ended, *words: str) -> None:
    """One line on stderr, exit code 2, nothing on stdout."""
    assert ended.code == 2
    assert ended.out == ""
    lines = ended.err.splitlines()
    assert len(lines) == 1, ended.err
    assert lines[0].startswith("error: ")
    for word in words:
        assert word in lines[0]


# What it writes


def test_a_run_lands_where_it_was_asked_for(
    command: Command, tiny_flags: list[str], tiny_run: Path, tmp_path: Path, results: Contents
) -> None:
    ended = command(*tiny_flags, "--output_dir", tmp_path, "--run_name", "mine")
    assert ended.code == 0
    assert ended.out == f"{tmp_path / 'mine'}\n"
    assert results(tmp_path / "mine") == results(tiny_run)
    record = json.loads((tmp_path / "mine" / "config.json").read_text())
    assert RunConfig.from_dict(record["config"]) == RunConfig.from_dict(
        json.loads((tiny_run / "config.json").read_text())["config"])
    assert record["command"][:3] == ["python", "train_with_metrics.py", "--p"]
    assert {"versions", "git_commit", "machine", "execution"} <= record.keys()
    assert record["versions"]["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert record["execution"]["device"] == str(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    # With no terminal progress is plain lines with loss, accuracy, speed and time left.
    last, measures = ended.err.splitlines()[-2:]
    for word in ("mine: epoch 60/60", "loss", "acc", "epochs/s", "left"):
        assert word in last
    assert "mine: progress measures" in measures
    assert read_progress(load_run(tmp_path / "mine"))["epochs"][-1] == 60


def test_progress_measures_can_be_left_out_and_follow_when_the_run_goes_on(
    command: Command, tiny_flags: list[str], tmp_path: Path
) -> None:
    flags = [*tiny_flags, "--output_dir", tmp_path]
    assert command(*flags, "--n_epochs", 20, "--no_measures").code == 0
    measures = tmp_path / "default" / PROGRESS
    assert not measures.exists()
    assert command(*flags, "--n_epochs", 20).code == 0
    before = measures.stat().st_mtime_ns
    assert command(*flags, "--n_epochs", 20).code == 0
    assert measures.stat().st_mtime_ns == before  # nothing was left to measure
    assert command(*flags, "--n_epochs", 30).code == 0
    assert read_progress(load_run(tmp_path / "default"))["epochs"][-1] == 30


@pytest.mark.parametrize("flags, name", [([], "default"), (["--preset", "quick"], "quick")])
def test_a_run_is_named_after_its_preset(flags: list[str], name: str, command: Command, tiny_flags: list[str],
                                         tmp_path: Path) -> None:
    ended = command(*flags, *tiny_flags, "--n_epochs", 1, "--output_dir", tmp_path)
    assert (ended.code, ended.out) == (0, f"{tmp_path / name}\n")


def test_the_same_command_again_changes_nothing(command: Command, tiny_flags: list[str], copied: Path,
                                                results: Contents) -> None:
    before = results(copied / "default")
    assert command(*tiny_flags, "--output_dir", copied).code == 0
    assert results(copied / "default") == before


def test_a_run_is_repeated_from_its_config_file(command: Command, tiny_run: Path, tmp_path: Path,
                                                results: Contents) -> None:
    ended = command("--config", tiny_run / "config.json", "--output_dir", tmp_path)
    assert ended.code == 0
    assert results(tmp_path / "default") == results(tiny_run)


def test_overwriting_starts_again(command: Command, tiny_flags: list[str], copied: Path) -> None:
    (copied / "default" / "notes.txt").write_text("mine")
    ended = command(*tiny_flags, "--seed", 5, "--n_epochs", 3, "--output_dir", copied, "--overwrite")
    assert ended.code == 0
    directory = RunDirectory(copied / "default")
    assert (directory.config().seed, directory.epochs()) == (5, [0, 3])
    assert directory.history()["epochs"] == [0, 3]
    assert (copied / "default" / "notes.txt").read_text() == "mine"


def test_overwriting_helps_where_the_config_is_gone(command: Command, tiny_flags: list[str], copied: Path,
                                                    contents: Contents) -> None:
    (copied / "default" / "config.json").unlink()
    before = contents(copied)
    assert_refused(command(*tiny_flags, "--output_dir", copied), "no config.json", "--overwrite")
    assert contents(copied) == before
    ended = command(*tiny_flags, "--n_epochs", 3, "--output_dir", copied, "--overwrite")
    assert ended.code == 0
    assert RunDirectory(copied / "default").epochs() == [0, 3]


def test_overwriting_an_empty_place_just_trains(
    command: Command, tiny_flags: list[str], tmp_path: Path
) -> None:
    ended = command(*tiny_flags, "--n_epochs", 3, "--output_dir", tmp_path, "--overwrite")
    assert ended.code == 0


def test_weights_can_be_started_from_a_kept_epoch(command: Command, tiny_flags: list[str], tiny_run: Path,
                                                  tmp_path: Path) -> None:
    flags = [*tiny_flags, "--n_epochs", 3, "--output_dir", tmp_path, "--init_from", f"{tiny_run}:50"]
    assert command(*flags).code == 0
    started, source = RunDirectory(tmp_path / "default").load(0), RunDirectory(tiny_run).load(50)
    assert all(torch.equal(started.weights[name], w) for name, w in source.weights.items())
    assert started.config.init_digest
    assert command(*flags).code == 0  # and the same command goes on
    other = command(*tiny_flags, "--n_epochs", 3, "--output_dir", tmp_path)
    assert_refused(other, "init_digest")


def test_the_config_of_a_run_from_kept_weights_does_not_repeat_it_alone(
    command: Command, tiny_flags: list[str], tiny_run: Path, tmp_path: Path
) -> None:
    """Such a run needs its --init_from again; fresh weights under its digest would be a lie."""
    flags = [*tiny_flags, "--n_epochs", 3, "--output_dir", tmp_path / "one", "--init_from", f"{tiny_run}:50"]
    assert command(*flags).code == 0
    config = tmp_path / "one" / "default" / "config.json"
    assert_refused(command("--config", config, "--output_dir", tmp_path / "two"), "--init_from")
    again = command("--config", config, "--output_dir", tmp_path / "two", "--init_from", f"{tiny_run}:50")
    assert again.code == 0


def test_several_seeds_are_several_runs(command: Command, tiny_flags: list[str], tmp_path: Path,
                                        results: Contents) -> None:
    flags = [*tiny_flags, "--n_epochs", 20, "--threads", 1]
    ended = command(*flags, "--seeds", "3:5", "--run_name", "s", "--output_dir", tmp_path)
    assert ended.code == 0
    assert ended.out.splitlines() == [str(tmp_path / "s_seed3"), str(tmp_path / "s_seed4")]
    for seed in (3, 4):
        alone = command(*flags, "--seed", seed, "--run_name", f"alone{seed}", "--output_dir", tmp_path)
        assert alone.code == 0
        assert results(tmp_path / f"s_seed{seed}") == results(tmp_path / f"alone{seed}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_a_line_and_the_same_command_goes_on(
    number: int, command: Command, tiny_flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = Progress.update

    def signalling(self: Progress, n: int) -> None:
        monkeypatch.setattr(Progress, "update", update)
        update(self, n)
        os.kill(os.getpid(), number)

    monkeypatch.setattr(Progress, "update", signalling)
    ended = command(*tiny_flags, "--output_dir", tmp_path)
    assert (ended.code, ended.out) == (128 + number, "")
    assert ended.err.splitlines()[-1].startswith(f"stopped by {signal.Signals(number).name} after epoch 10;")
    assert RunDirectory(tmp_path / "default").epochs() == [0, 10]
    again = command(*tiny_flags, "--output_dir", tmp_path)
    assert again.code == 0
    assert "warning" not in again.err
    assert RunDirectory(tmp_path / "default").history()["epochs"][-1] == 60


# What it refuses

BAD = [
    *[("--p", p) for p in (4, 1, 2, 0, -7, 9, 113.5, "many", 999_983)],
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
    ("--engine", "compiled", "--layer_norm"),
    ("--recipe", "nanda", "--layer_norm"),
    *[("--threads", n) for n in (0, 100_000)],
    *[("--run_name", name) for name in ("", ".", "..", "../out", "a/b", "/tmp/run", "x" * 300, "new\nline")],
    ("--no_such_flag",),
    ("stray",),
    ("--config", "absent.json"),
    *[("--seeds", seeds) for seeds in ("", "5:2", "x", "1,1", "3:3")],
    *[("--init_from", source) for source in ("absent:3", "absent", ":3", "absent:x")],
]


@pytest.mark.parametrize("flags", BAD, ids=lambda flags: " ".join(map(repr, flags))[:60])
def test_a_mistake_is_one_line_and_leaves_nothing(flags: tuple[object, ...], command: Command,
                                                  tiny_flags: list[str], tmp_path: Path) -> None:
    ended = command(*tiny_flags, "--n_epochs", 1, "--output_dir", tmp_path / "out", *flags)
    assert_refused(ended)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("flags", BAD, ids=lambda flags: " ".join(map(repr, flags))[:60])
def test_a_mistake_beside_overwrite_costs_nothing(
    flags: tuple[object, ...], command: Command, tiny_flags: list[str], copied: Path, contents: Contents
) -> None:
    """The old run goes only once it is certain that a new one can begin."""
    before = contents(copied)
    ended = command(*tiny_flags, "--n_epochs", 1, "--output_dir", copied, "--overwrite", *flags)
    assert_refused(ended)
    assert contents(copied) == before


def test_a_run_of_another_config_is_refused_with_its_keys(
    command: Command, tiny_flags: list[str], copied: Path, contents: Contents
) -> None:
    before = contents(copied)
    ended = command(*tiny_flags, "--lr", 0.01, "--seed", 2, "--output_dir", copied)
    assert_refused(ended, "lr = 0.001", "seed = 0", "--overwrite")
    assert contents(copied) == before


def test_a_finished_run_cannot_become_shorter(command: Command, tiny_flags: list[str], copied: Path,
                                              contents: Contents) -> None:
    before = contents(copied)
    assert_refused(command(*tiny_flags, "--n_epochs", 5, "--output_dir", copied), "epoch 60")
    assert contents(copied) == before


@pytest.mark.parametrize("name", ["config.json", "history.json"])
@pytest.mark.parametrize("content", [b"", b'{"p": 11', b"[]", b"\xff\xd8\xff\xe0"])
def test_a_damaged_file_is_named_and_kept(name: str, content: bytes, command: Command, tiny_flags: list[str],
                                          copied: Path, contents: Contents) -> None:
    (copied / "default" / name).write_bytes(content)
    before = contents(copied)
    assert_refused(command(*tiny_flags, "--n_epochs", 90, "--output_dir", copied), name)
    assert contents(copied) == before


def test_a_history_of_another_modulus_is_refused_and_kept(
    command: Command, tiny_flags: list[str], copied: Path, contents: Contents,
    made_by_hand: Callable[[Path], None],
) -> None:
    made_by_hand(copied / "default")
    path = copied / "default" / "history.json"
    record = json.loads(path.read_text())
    record["config"]["p"] = 13
    path.write_text(json.dumps(record))
    before = contents(copied)
    assert_refused(command(*tiny_flags, "--n_epochs", 90, "--output_dir", copied), "history.json", "p = 13")
    assert contents(copied) == before


def test_a_checkpoint_of_another_run_is_refused_and_kept(
    command: Command, tiny_flags: list[str], copied: Path, contents: Contents,
    made_by_hand: Callable[[Path], None],
) -> None:
    made_by_hand(copied / "default")
    directory = RunDirectory(copied / "default")
    state = directory.load(60)
    state.config = RunConfig(p=13)
    directory.checkpoint_path(60).write_bytes(state.to_bytes())
    before = contents(copied)
    ended = command(*tiny_flags, "--n_epochs", 90, "--output_dir", copied)
    assert_refused(ended, "checkpoint_e000060", "another run")
    assert contents(copied) == before


@pytest.mark.parametrize("flags, words", [
    (["--init_from", "{run}:7"], ["epoch 7", "60"]),
    (["--init_from", "{run}:²"], ["²"]),
    (["--init_from", "{run}:60", "--d_mlp", "48"], ["W_in", "(16, 32)", "(16, 48)"]),
    (["--init_from", "{run}:60", "--p", "13"], ["W_E"]),
    (["--init_from", "{run}:60", "--layer_norm"], ["ln1_w", "missing"]),
])
def test_weights_that_do_not_fit_are_refused(flags: list[str], words: list[str], command: Command,
                                             tiny_flags: list[str], tiny_run: Path, tmp_path: Path) -> None:
    flags = [flag.format(run=tiny_run) for flag in flags]
    assert_refused(command(*tiny_flags, "--n_epochs", 1, "--output_dir", tmp_path / "out", *flags), *words)
    assert list(tmp_path.iterdir()) == []


def test_an_output_folder_that_is_a_file_is_refused(
    command: Command, tiny_flags: list[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        assert_refused(command(*tiny_flags, "--n_epochs", 1, "--output_dir", folder), str(folder))
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_directory_that_is_a_file_is_refused(
    command: Command, tiny_flags: list[str], tmp_path: Path
) -> None:
    (tmp_path / "default").write_text("mine")
    for more in ([], ["--overwrite"]):
        ended = command(*tiny_flags, "--n_epochs", 1, "--output_dir", tmp_path, *more)
        assert_refused(ended, str(tmp_path / "default"))
    assert (tmp_path / "default").read_text() == "mine"


def test_an_output_folder_that_cannot_be_written_is_refused(
    command: Command, tiny_flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tests may run as root, to whom everything can be written.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    ended = command(*tiny_flags, "--n_epochs", 1, "--output_dir", tmp_path)
    assert_refused(ended, str(tmp_path), "cannot be written")
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

"""``grokking train`` as a person meets it: what it writes."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from grokking.config import RunConfig
from grokking.runs.progress_measures import read_progress
from grokking.runs.run import load_run
from grokking.storage.run_directory import PROGRESS, RunDirectory
from grokking.training.progress import Progress

Command = Callable[..., Any]
Contents = Callable[[Path], dict[str, bytes]]


def test_a_run_lands_where_it_was_asked_for(
    command: Command, tiny_flags: list[str], tiny_run: Path, tmp_path: Path, results: Contents
) -> None:
    ended = command(*tiny_flags, "--output_dir", tmp_path, "--run_name", "mine")
    assert ended.code == 0
    assert ended.out == f"{tmp_path / 'mine'}\n"
    assert results(tmp_path / "mine") == results(tiny_run)
    record = json.loads((tmp_path / "mine" / "config.json").read_text())
    assert RunConfig.from_dict(record["config"]) == RunConfig.from_dict(
        json.loads((tiny_run / "config.json").read_text())["config"]
    )
    assert record["command"][:3] == ["grokking", "train", "--p"]
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
def test_a_run_is_named_after_its_preset(
    flags: list[str], name: str, command: Command, tiny_flags: list[str], tmp_path: Path
) -> None:
    ended = command(*flags, *tiny_flags, "--n_epochs", 1, "--output_dir", tmp_path)
    assert (ended.code, ended.out) == (0, f"{tmp_path / name}\n")


def test_the_same_command_again_changes_nothing(
    command: Command, tiny_flags: list[str], copied: Path, results: Contents
) -> None:
    before = results(copied / "default")
    assert command(*tiny_flags, "--output_dir", copied).code == 0
    assert results(copied / "default") == before


def test_a_run_is_repeated_from_its_config_file(
    command: Command, tiny_run: Path, tmp_path: Path, results: Contents
) -> None:
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


def test_overwriting_helps_where_the_config_is_gone(
    command: Command, tiny_flags: list[str], copied: Path, contents: Contents
) -> None:
    (copied / "default" / "config.json").unlink()
    before = contents(copied)
    command(*tiny_flags, "--output_dir", copied).assert_refused("no config.json", "--overwrite")
    assert contents(copied) == before
    ended = command(*tiny_flags, "--n_epochs", 3, "--output_dir", copied, "--overwrite")
    assert ended.code == 0
    assert RunDirectory(copied / "default").epochs() == [0, 3]


def test_overwriting_an_empty_place_just_trains(
    command: Command, tiny_flags: list[str], tmp_path: Path
) -> None:
    ended = command(*tiny_flags, "--n_epochs", 3, "--output_dir", tmp_path, "--overwrite")
    assert ended.code == 0


def test_weights_can_be_started_from_a_kept_epoch(
    command: Command, tiny_flags: list[str], tiny_run: Path, tmp_path: Path
) -> None:
    flags = [*tiny_flags, "--n_epochs", 3, "--output_dir", tmp_path, "--init_from", f"{tiny_run}:50"]
    assert command(*flags).code == 0
    started, source = RunDirectory(tmp_path / "default").load(0), RunDirectory(tiny_run).load(50)
    assert all(torch.equal(started.weights[name], w) for name, w in source.weights.items())
    assert started.config.init_digest
    assert command(*flags).code == 0  # and the same command goes on
    other = command(*tiny_flags, "--n_epochs", 3, "--output_dir", tmp_path)
    other.assert_refused("init_digest")


def test_the_config_of_a_run_from_kept_weights_does_not_repeat_it_alone(
    command: Command, tiny_flags: list[str], tiny_run: Path, tmp_path: Path
) -> None:
    """Such a run needs its --init_from again; fresh weights under its digest would be a lie."""
    flags = [*tiny_flags, "--n_epochs", 3, "--output_dir", tmp_path / "one", "--init_from", f"{tiny_run}:50"]
    assert command(*flags).code == 0
    config = tmp_path / "one" / "default" / "config.json"
    command("--config", config, "--output_dir", tmp_path / "two").assert_refused("--init_from")
    again = command("--config", config, "--output_dir", tmp_path / "two", "--init_from", f"{tiny_run}:50")
    assert again.code == 0


def test_several_seeds_are_several_runs(
    command: Command, tiny_flags: list[str], tmp_path: Path, results: Contents
) -> None:
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

"""Equal runs are equal bytes: repeated, measured more often, stopped, killed, extended."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch

from grokking.config import RunConfig
from grokking.errors import DamagedFile, Stopped, UserError
from grokking.initial import initial_weights
from grokking.runs import RunDirectory
from grokking.training.progress import Progress

Contents = Callable[[Path], dict[str, bytes]]
TrainRun = Callable[..., Path]


@pytest.fixture(scope="module")
def config(tiny_config: RunConfig) -> RunConfig:
    """Rows, looks and checkpoints at epochs of their own: 7, 14, …; 10, 20, …; 25, 50."""
    return replace(tiny_config, log_every=7)


@pytest.fixture(scope="module")
def whole(config: RunConfig, train_run: TrainRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that was never interrupted."""
    return train_run(config, tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may harm."""
    return Path(shutil.copytree(whole, tmp_path / "copied"))


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """interrupt(epoch, number) makes training signal itself once that epoch is reached."""

    def arrange(epoch: int, number: int = signal.SIGTERM) -> None:
        update = Progress.update

        def signalling(self: Progress, n: int) -> None:
            update(self, n)
            if self.done >= epoch:
                monkeypatch.setattr(Progress, "update", update)
                os.kill(os.getpid(), number)

        monkeypatch.setattr(Progress, "update", signalling)

    return arrange


# Equal runs


def test_the_history_has_the_documented_epochs_and_names(whole: Path) -> None:
    history = RunDirectory(whole).history()
    assert history["epochs"] == [0, 7, 14, 21, 28, 35, 42, 49, 56, 60]
    assert {"train_loss", "test_loss", "train_acc", "test_acc", "fourier_strength", "weight_norm",
            "embedding_circularity", "key_frequencies", "config"} <= history.keys()
    assert all(len(v) == 10 for v in history.values() if isinstance(v, list))


def test_the_first_row_is_the_initial_network(whole: Path, config: RunConfig) -> None:
    directory = RunDirectory(whole)
    assert directory.epochs()[0] == 0
    drawn = initial_weights(config)
    assert all(torch.equal(drawn[n], w) for n, w in directory.load(0).weights.items())


def test_weights_are_kept_as_scheduled(whole: Path) -> None:
    directory = RunDirectory(whole)
    assert {0, 25, 50, 60} <= set(directory.epochs())
    assert [bool(directory.load(e).optimiser) for e in directory.epochs()[-3:]] == [False, True, True]


def test_a_run_repeats_to_the_bit(whole: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path,
                                  results: Contents) -> None:
    assert results(train_run(config, tmp_path / "elsewhere")) == results(whole)


@pytest.mark.parametrize("engine", ["lookup", "plain"])
def test_every_engine_repeats_to_the_bit(engine: str, config: RunConfig, train_run: TrainRun, tmp_path: Path,
                                         results: Contents) -> None:
    short = replace(config, n_epochs=20)
    one, other = (results(train_run(short, tmp_path / name, engine=engine, threads=1)) for name in "ab")
    assert one == other


@pytest.mark.parametrize("log_every", [1, 10, 1000])
def test_measuring_disturbs_nothing(log_every: int, whole: Path, config: RunConfig, train_run: TrainRun,
                                    tmp_path: Path) -> None:
    other = RunDirectory(train_run(replace(config, log_every=log_every), tmp_path / "run"))
    directory = RunDirectory(whole)
    assert other.epochs() == directory.epochs()
    for epoch in directory.epochs():
        ours, theirs = directory.load(epoch), other.load(epoch)
        assert all(torch.equal(ours.weights[name], theirs.weights[name]) for name in ours.weights)
    mine, yours = directory.history(), other.history()
    common = set(mine["epochs"]) & set(yours["epochs"])
    assert {0, 60} <= common
    for name in ("train_loss", "test_acc", "fourier_strength", "frequency_share"):
        for epoch in common:
            assert mine[name][mine["epochs"].index(epoch)] == yours[name][yours["epochs"].index(epoch)]


def test_another_seed_is_another_run(config: RunConfig, train_run: TrainRun, whole: Path,
                                     tmp_path: Path) -> None:
    other = RunDirectory(train_run(replace(config, seed=1), tmp_path / "run"))
    assert not torch.equal(other.load(60).weights["W_E"], RunDirectory(whole).load(60).weights["W_E"])


def test_nothing_that_repeats_says_where_or_when(whole: Path, contents: Contents) -> None:
    for name, content in contents(whole).items():
        if name != "config.json":
            assert str(whole).encode() not in content
            assert b"command" not in content
            assert b"versions" not in content


def test_training_learns(whole: Path) -> None:
    loss = RunDirectory(whole).history()["train_loss"]
    assert loss[-1] < 0.9 * loss[0]


def test_a_small_run_groks_and_says_when(train_run: TrainRun, tmp_path: Path) -> None:
    """p = 7 with most pairs shown: no delay, but test accuracy reaches 1 and stays."""
    config = RunConfig(p=7, d_model=32, n_heads=2, d_mlp=64, train_frac=0.9, lr=5e-3, n_epochs=300,
                       log_every=20, checkpoint_every=300)
    history = RunDirectory(train_run(config, tmp_path / "run")).history()
    epoch = history["grokking_epoch"]
    assert epoch is not None
    assert epoch % 10 == 0
    accuracy = dict(zip(history["epochs"], history["test_acc"], strict=True))
    assert all(accuracy[e] >= 0.99 for e in accuracy if epoch <= e <= epoch + 100)
    assert accuracy[0] < 0.99


# Interrupted


@pytest.mark.parametrize("epoch, number", [
    (1, signal.SIGTERM),  # seen at 7: a row
    (10, signal.SIGTERM),  # a look, and weights kept
    (14, signal.SIGINT),
    (25, signal.SIGTERM),  # a scheduled checkpoint
    (35, signal.SIGTERM),
    (50, signal.SIGINT),
    (56, signal.SIGTERM),
])
def test_a_stopped_run_goes_on_to_the_same_bits(
    epoch: int, number: int, whole: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path,
    results: Contents, interrupt: Callable[[int, int], None],
) -> None:
    interrupt(epoch, number)
    with pytest.raises(Stopped, match=signal.Signals(number).name) as stopped:
        train_run(config, tmp_path / "run")
    assert stopped.value.exit_code == 128 + number
    at = RunDirectory(tmp_path / "run").epochs()[-1]
    assert epoch <= at < 60
    assert f"epoch {at}" in str(stopped.value)
    assert results(train_run(config, tmp_path / "run")) == results(whole)


def test_a_run_stopped_again_and_again_arrives(
    whole: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path, results: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    for epoch in (7, 10, 11, 25, 30, 42):
        interrupt(epoch, signal.SIGTERM)
        with pytest.raises(Stopped):
            train_run(config, tmp_path / "run")
    assert results(train_run(config, tmp_path / "run")) == results(whole)


def test_signal_handlers_are_given_back(
    config: RunConfig, train_run: TrainRun, tmp_path: Path, interrupt: Callable[[int, int], None]
) -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    interrupt(10, signal.SIGTERM)
    with pytest.raises(Stopped):
        train_run(config, tmp_path / "run")
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


class Killed(BaseException):
    """As SIGKILL: nobody catches it, and (see ``kill``) nobody cleans up."""


@pytest.fixture
def kill(config: RunConfig, train_run: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
         ) -> Callable[[int], Path]:
    """kill(n) is a run directory as a process leaves it that dies before its n-th file is in place."""

    def run_and_die(n: int) -> Path:
        calls = 0
        replace_file = os.replace

        def die(source: str, target: Path) -> None:
            nonlocal calls
            calls += 1
            if calls >= n:
                monkeypatch.setattr(os, "unlink", lambda _: None)
                raise Killed
            replace_file(source, target)

        monkeypatch.setattr(os, "replace", die)
        with pytest.raises(Killed):
            train_run(config, tmp_path / "killed")
        monkeypatch.undo()
        return tmp_path / "killed"

    return run_and_die


def visible(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if not name.startswith(".")}


# Before the first manifest, config.json, the manifest that settles it, then one that announces a history
# and weights, these two, …: a run of 60 epochs brings some 50 files into place, among them older weights
# that lose their optimiser state.
@pytest.mark.parametrize("n", [*range(1, 13), 18, 19, 20, 21, 35])
def test_a_killed_run_goes_on_to_the_same_bits(
    n: int, kill: Callable[[int], Path], whole: Path, config: RunConfig, train_run: TrainRun,
    results: Contents,
) -> None:
    folder = kill(n)
    assert len(list(folder.glob(".*.tmp"))) == 1
    assert visible(results(folder)) != results(whole)
    assert visible(results(train_run(config, folder))) == results(whole)


def test_a_continued_run_leaves_no_half_written_file_of_the_killed_one(
    kill: Callable[[int], Path], config: RunConfig, train_run: TrainRun
) -> None:
    folder = train_run(config, kill(7))
    assert list(folder.glob(".*")) == []


def test_the_script_survives_sigkill(
    config: RunConfig, tiny_flags: list[str], root: Path, train_run: TrainRun, tmp_path: Path,
    results: Contents,
) -> None:
    """The real command in a process of its own, killed somewhere in a run that would take hours."""
    flags = [*tiny_flags, "--log_every", "7", "--n_epochs", "1000000", "--output_dir", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "train_with_metrics.py", *flags], cwd=root,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    directory = RunDirectory(tmp_path / "default")
    deadline = time.monotonic() + 300
    while len(directory.epochs()) < 6 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    assert process.wait(timeout=60) == -signal.SIGKILL
    longer = replace(config, n_epochs=directory.epochs()[-1] + 33)
    continued = train_run(longer, directory.path)
    assert visible(results(continued)) == results(train_run(longer, tmp_path / "uninterrupted"))


def test_a_full_disk_loses_nothing(whole: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path,
                                   results: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    sync, calls = os.fsync, 0

    def full_after_a_while(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        sync(handle)

    monkeypatch.setattr(os, "fsync", full_after_a_while)
    with pytest.raises(UserError, match="cannot write .*No space left"):
        train_run(config, tmp_path / "run")
    monkeypatch.undo()
    before = RunDirectory(tmp_path / "run").epochs()
    assert before
    assert results(train_run(config, tmp_path / "run")) == results(whole)


# Extended, finished, damaged


@pytest.mark.parametrize("lengths", [(30,), (49,), (33,), (1,), (10, 33, 50)])
def test_an_extended_run_has_the_bits_of_a_long_one(
    lengths: tuple[int, ...], whole: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path,
    results: Contents,
) -> None:
    for n_epochs in lengths:
        train_run(replace(config, n_epochs=n_epochs), tmp_path / "run")
        assert RunDirectory(tmp_path / "run").history()["epochs"][-1] == n_epochs
        assert RunDirectory(tmp_path / "run").epochs()[-1] == n_epochs
    train_run(config, tmp_path / "run")
    assert results(tmp_path / "run") == results(whole)
    assert RunDirectory(tmp_path / "run").config() == config


def test_what_may_change_the_last_bits_is_said(copied: Path, config: RunConfig, train_run: TrainRun,
                                               capsys: pytest.CaptureFixture[str]) -> None:
    directory = RunDirectory(copied)
    execution = directory.record()["execution"]
    directory.create(config, {"execution": {**execution, "threads": 77}, "versions": {"torch": "1.0"}})
    train_run(replace(config, n_epochs=config.n_epochs + 1), copied)
    said = capsys.readouterr().err
    assert "warning: threads was 77 and is " in said
    assert "warning: torch was 1.0 and is " in said
    assert "may differ in its last bits" in said


def test_an_extended_run_can_be_stopped_too(
    whole: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path, results: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    train_run(replace(config, n_epochs=33), tmp_path / "run")
    interrupt(34, signal.SIGTERM)
    with pytest.raises(Stopped):
        train_run(config, tmp_path / "run")
    assert results(train_run(config, tmp_path / "run")) == results(whole)


def test_a_finished_run_stays_as_it_is(copied: Path, config: RunConfig, train_run: TrainRun,
                                       contents: Contents) -> None:
    before = contents(copied)
    assert contents(train_run(config, copied)) == before


@pytest.mark.parametrize("damage", [b"", b"not weights", None])
def test_an_older_checkpoint_stands_in_for_a_damaged_one(
    damage: bytes | None, copied: Path, whole: Path, config: RunConfig, train_run: TrainRun,
    results: Contents, capsys: pytest.CaptureFixture[str],
) -> None:
    newest = copied / "checkpoint_e000060.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] if damage is None else damage)
    train_run(config, copied)
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning:")]
    assert len(warnings) == 1
    assert newest.name in warnings[0]
    assert results(copied) == results(whole)


def test_a_damaged_checkpoint_of_a_longer_run_does_not_stop_an_extension(
    copied: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path, results: Contents
) -> None:
    newest = copied / "checkpoint_e000060.safetensors"
    newest.write_bytes(newest.read_bytes()[:1000])
    longer = replace(config, n_epochs=80)
    assert results(train_run(longer, copied)) == results(train_run(longer, tmp_path / "long"))


def test_a_damaged_old_checkpoint_does_not_stop_a_run(
    copied: Path, config: RunConfig, train_run: TrainRun, tmp_path: Path, contents: Contents
) -> None:
    """It cannot be made again, but all the rest can go on, and it is not thrown away."""
    old = RunDirectory(copied).epochs()[-2]
    path = RunDirectory(copied).checkpoint_path(old)
    path.write_bytes(path.read_bytes()[:1000])
    longer = replace(config, n_epochs=80)
    train_run(longer, copied)
    expected = contents(train_run(longer, tmp_path / "long"))
    found = contents(copied)
    for files in (expected, found):
        for name in ("config.json", "manifest.json", path.name):
            files.pop(name, None)
    assert found == expected


def test_a_checkpoint_whose_matrices_do_not_fit_is_passed_over(
    copied: Path, whole: Path, config: RunConfig, train_run: TrainRun, results: Contents
) -> None:
    state = RunDirectory(copied).load(60)
    del state.weights["W_O"]
    RunDirectory(copied).checkpoint_path(60).write_bytes(state.to_bytes())
    assert results(train_run(config, copied)) == results(whole)


def test_a_run_without_any_good_checkpoint_is_refused_and_kept(
    copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    for path in copied.glob("*.safetensors"):
        path.write_bytes(b"gone")
    before = contents(copied)
    with pytest.raises(UserError, match="overwrite"):
        train_run(config, copied)
    assert contents(copied) == before


def test_weights_without_optimiser_state_are_not_continued(
    copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    directory = RunDirectory(copied)
    for epoch in directory.epochs()[-2:]:
        directory.checkpoint_path(epoch).unlink()
    before = contents(copied)
    with pytest.raises(UserError, match="optimiser state"):
        train_run(replace(config, n_epochs=90), copied)
    assert contents(copied) == before


@pytest.mark.parametrize("damage", ["truncated", "missing", "not ours", "too short"])
def test_a_damaged_history_is_refused_and_nothing_is_lost(
    damage: str, copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    path = copied / "history.json"
    record = json.loads(path.read_text())
    if damage == "missing":
        path.unlink()
    elif damage == "too short":
        short = {name: v[:3] if isinstance(v, list) else v for name, v in record.items()}
        path.write_text(json.dumps(short))
    else:
        path.write_bytes(path.read_bytes()[:500] if damage == "truncated" else b'{"loss": []}')
    # A damaged checkpoint beside it must survive the refusal as well.
    newest = copied / "checkpoint_e000060.safetensors"
    newest.write_bytes(newest.read_bytes()[:1000])
    before = contents(copied)
    with pytest.raises(UserError, match=r"history\.json") as caught:
        train_run(replace(config, n_epochs=90), copied)
    assert "\n" not in str(caught.value)
    assert contents(copied) == before


def test_a_history_that_lost_a_column_is_damaged(copied: Path, config: RunConfig,
                                                 train_run: TrainRun) -> None:
    path = copied / "history.json"
    record = json.loads(path.read_text())
    del record["train_loss"]
    path.write_text(json.dumps(record))
    with pytest.raises(DamagedFile, match=r"history\.json"):
        train_run(replace(config, n_epochs=90), copied)


# Refused


def test_a_run_of_another_config_is_refused_with_its_keys(
    copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    before = contents(copied)
    with pytest.raises(UserError) as caught:
        train_run(replace(config, seed=3, d_mlp=48, n_epochs=90), copied)
    message = str(caught.value)
    assert "seed = 0" in message
    assert "d_mlp = 32" in message
    assert "n_epochs" not in message
    assert "overwrite" in message
    assert contents(copied) == before


@pytest.mark.parametrize("n_epochs", [59, 30, 1])
def test_a_finished_run_cannot_become_shorter(
    n_epochs: int, copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    before = contents(copied)
    with pytest.raises(UserError, match="already trained to epoch 60"):
        train_run(replace(config, n_epochs=n_epochs), copied)
    assert contents(copied) == before


def test_an_unfinished_run_cannot_become_shorter_than_it_is(
    config: RunConfig, train_run: TrainRun, tmp_path: Path, contents: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    interrupt(40, signal.SIGTERM)
    with pytest.raises(Stopped):
        train_run(config, tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(UserError, match="already trained to epoch 4"):
        train_run(replace(config, n_epochs=20), tmp_path / "run")
    assert contents(tmp_path / "run") == before


def test_an_unfinished_run_can_become_shorter_than_it_should_have_been(
    config: RunConfig, train_run: TrainRun, tmp_path: Path, results: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    interrupt(20, signal.SIGTERM)
    with pytest.raises(Stopped):
        train_run(config, tmp_path / "run")
    shorter = replace(config, n_epochs=42)
    assert results(train_run(shorter, tmp_path / "run")) == results(train_run(shorter, tmp_path / "short"))


@pytest.mark.parametrize("epoch", [40, 42, 56])
def test_an_unfinished_run_can_be_ended_right_where_it_stopped(
    epoch: int, config: RunConfig, train_run: TrainRun, tmp_path: Path, results: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    """At 40 there is no row yet; at 42 and 56 there is one, and a stop-over becomes the end."""
    interrupt(epoch, signal.SIGTERM)
    with pytest.raises(Stopped):
        train_run(config, tmp_path / "run")
    assert RunDirectory(tmp_path / "run").epochs()[-1] == epoch
    shorter = replace(config, n_epochs=epoch)
    assert results(train_run(shorter, tmp_path / "run")) == results(train_run(shorter, tmp_path / "short"))


@pytest.mark.parametrize("engine", ["compiled", "lookup"])
@pytest.mark.parametrize("n_epochs, log_every", [(1, 1), (40, 1), (40, 1000)])
def test_a_run_that_diverges_says_so(engine: str, n_epochs: int, log_every: int, config: RunConfig,
                                     train_run: TrainRun, tmp_path: Path) -> None:
    wild = replace(config, lr=1e12, n_epochs=n_epochs, log_every=log_every)
    with pytest.raises(UserError, match="diverged") as caught:
        train_run(wild, tmp_path / "run", engine=engine, threads=1)
    assert "\n" not in str(caught.value)
    assert RunDirectory(tmp_path / "run").epochs() == [0]
    assert RunDirectory(tmp_path / "run").history()["epochs"][0] == 0


def test_weights_files_hold_nothing_but_tensors_and_one_record(whole: Path) -> None:
    directory = RunDirectory(whole)
    content = directory.checkpoint_path(60).read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert set(header["__metadata__"]) == {"grokking"}
    tensors = safetensors.torch.load(content)
    assert set(tensors) >= set(directory.load(60).weights)
    assert all(tensor.dtype == torch.float32 for tensor in tensors.values())

"""Stopped, killed or out of disk: the same command goes on, to the bits of a run that never was."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.errors import Stopped, UserError
from grokking.storage.run_directory import RunDirectory
from tests.waiting import wait_until

Contents = Callable[[Path], dict[str, bytes]]
TrainRun = Callable[..., Path]


@pytest.mark.parametrize(
    "epoch, number",
    [
        (1, signal.SIGTERM),  # seen at 7: a row
        (10, signal.SIGTERM),  # a look, and weights kept
        (14, signal.SIGINT),
        (25, signal.SIGTERM),  # a scheduled checkpoint
        (35, signal.SIGTERM),
        (50, signal.SIGINT),
        (56, signal.SIGTERM),
    ],
)
def test_a_stopped_run_goes_on_to_the_same_bits(
    epoch: int,
    number: int,
    whole: Path,
    config: RunConfig,
    train_run: TrainRun,
    tmp_path: Path,
    results: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    interrupt(epoch, number)
    with pytest.raises(Stopped, match=signal.Signals(number).name) as stopped:
        train_run(config, tmp_path / "run")
    assert stopped.value.exit_code == 128 + number
    at = RunDirectory(tmp_path / "run").epochs()[-1]
    assert epoch <= at < 60
    assert f"epoch {at}" in str(stopped.value)
    assert results(train_run(config, tmp_path / "run")) == results(whole)


@pytest.mark.slow
def test_a_run_stopped_again_and_again_arrives(
    whole: Path,
    config: RunConfig,
    train_run: TrainRun,
    tmp_path: Path,
    results: Contents,
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
def kill(
    config: RunConfig, train_run: TrainRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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


# Before the first manifest, config.json, the manifest that settles it, then one that announces a history
# and weights, these two, …: a run of 60 epochs brings 41 files into place, the last of them (39 to 41) the
# last weights, older ones that lose their optimiser state, and the manifest that settles both.
@pytest.mark.slow
@pytest.mark.parametrize("n", [*range(1, 9), 19, 20, *range(38, 42)])
def test_a_killed_run_goes_on_to_the_same_bits(
    n: int,
    kill: Callable[[int], Path],
    whole: Path,
    config: RunConfig,
    train_run: TrainRun,
    results: Contents,
) -> None:
    folder = kill(n)
    assert len(list(folder.glob(".*.tmp"))) == 1
    assert RunDirectory(folder).files.unsettled or results(folder) != results(whole)
    assert results(train_run(config, folder)) == results(whole)
    assert RunDirectory(folder).files.unsettled == []


def test_a_continued_run_leaves_no_half_written_file_of_the_killed_one(
    kill: Callable[[int], Path], config: RunConfig, train_run: TrainRun
) -> None:
    folder = train_run(config, kill(7))
    assert list(folder.glob(".*")) == []


@pytest.mark.slow
def test_the_command_survives_sigkill(
    config: RunConfig,
    tiny_flags: list[str],
    root: Path,
    train_run: TrainRun,
    tmp_path: Path,
    results: Contents,
) -> None:
    """The real command in a process of its own, killed somewhere in a run that would take hours."""
    flags = [*tiny_flags, "--log_every", "7", "--n_epochs", "1000000", "--output_dir", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "grokking", "train", *flags],
        cwd=root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    directory = RunDirectory(tmp_path / "default")
    try:
        wait_until(lambda: len(directory.epochs()) >= 6, process)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    longer = replace(config, n_epochs=directory.epochs()[-1] + 33)
    continued = train_run(longer, directory.path)
    assert results(continued) == results(train_run(longer, tmp_path / "uninterrupted"))


def test_a_full_disk_loses_nothing(
    whole: Path,
    config: RunConfig,
    train_run: TrainRun,
    tmp_path: Path,
    results: Contents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_last_epoch_is_not_lost(
    number: int,
    whole: Path,
    config: RunConfig,
    train_run: TrainRun,
    tmp_path: Path,
    results: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    """The run is over, but whoever pressed Ctrl-C does not want what would follow it."""
    interrupt(60, number)
    with pytest.raises(Stopped) as stopped:
        train_run(config, tmp_path / "run")
    assert stopped.value.exit_code == 128 + number
    assert results(tmp_path / "run") == results(whole)

"""One writer per folder, and no lock that outlives its process."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.runs.progress_measures import measure_and_write
from grokking.storage.locking import LOCK, locked
from grokking.storage.run_directory import RunDirectory

HOLD = """
import sys
from pathlib import Path
from grokking.storage.locking import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
"""Holds a lock until it is killed, or whoever started it is gone."""
PATIENCE = 600


def hold(folder: Path) -> "subprocess.Popen[str]":
    """Another process that holds the folder's lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_writer_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    message = f"{tmp_path} is being written by process {os.getpid()} on "
    with locked(tmp_path), pytest.raises(UserError, match=message), locked(tmp_path):
        pytest.fail("two writers")
    assert list(tmp_path.iterdir()) == []
    with locked(tmp_path):
        pass


def test_folders_do_not_disturb_each_other(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    with locked(tmp_path / "a"), locked(tmp_path / "b"):
        pass


@pytest.mark.slow
def test_a_killed_process_leaves_no_lock_behind(tmp_path: Path) -> None:
    process = hold(tmp_path)
    with pytest.raises(UserError, match=f"process {process.pid} "), locked(tmp_path):
        pytest.fail("two writers")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert (tmp_path / LOCK).exists()  # the file stays, the lock does not
    with locked(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "card",
    [
        b"",
        b"{",
        b"[1]",
        b'{"pid": "x", "host": 1}',
        b'{"pid": 3}',
        b"\xff" * 2000,
        b'{"pid": 1, "host": "\\u001b[31m"}',
    ],
)
def test_what_a_lock_says_is_not_trusted(card: bytes, tmp_path: Path) -> None:
    with locked(tmp_path):
        (tmp_path / LOCK).write_bytes(card)
        with pytest.raises(UserError, match="is being written by") as caught, locked(tmp_path):
            pytest.fail("two writers")
    assert "\x1b" not in str(caught.value)


def test_a_file_system_without_locks_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with locked(tmp_path):
        pass
    assert "cannot lock files" in capsys.readouterr().err


def _count(folder: str, n: int, together: Barrier) -> None:
    together.wait(PATIENCE)  # a process takes longer to start than to count
    for _ in range(n):
        while True:
            try:
                with locked(Path(folder)):
                    path = Path(folder) / "count"
                    path.write_text(str(int(path.read_text()) + 1))
                break
            except UserError:
                continue


@pytest.mark.slow
def test_increments_by_several_processes_are_all_counted(tmp_path: Path) -> None:
    """The file of a lock is deleted and made again all the time; nobody slips through."""
    (tmp_path / "count").write_text("0")
    context = multiprocessing.get_context("spawn")  # forking beside threads may hang
    together = context.Barrier(3)
    processes = [context.Process(target=_count, args=(str(tmp_path), 100, together)) for _ in range(3)]
    for process in processes:
        process.start()
    codes = []
    for process in processes:
        process.join(PATIENCE)
        codes.append(process.exitcode)
        process.kill()  # one that did not end in time must not outlive the test
    assert codes == [0, 0, 0]
    assert (tmp_path / "count").read_text() == "300"


# Runs


@pytest.mark.slow
def test_training_and_measuring_are_refused_while_another_process_writes(
    tmp_path: Path,
    tiny_config: RunConfig,
    train_run: Callable[..., Path],
    contents: Callable[[Path], dict[str, bytes]],
) -> None:
    folder = train_run(tiny_config, tmp_path / "run")
    process = hold(folder)
    before = contents(folder)
    for write in (
        lambda: train_run(tiny_config, folder),
        lambda: measure_and_write(folder),
        lambda: RunDirectory(folder).clear(),
    ):
        with pytest.raises(UserError, match=f"written by process {process.pid}"):
            write()
    assert contents(folder) == before
    process.kill()
    process.communicate()
    measure_and_write(folder)
    assert "progress.json" in json.loads((folder / "manifest.json").read_text())["files"]


def test_a_directory_may_be_written_in_nested_blocks(tmp_path: Path, tiny_config: RunConfig) -> None:
    directory = RunDirectory(tmp_path / "run")
    with directory.writing(), directory.writing():
        directory.create(tiny_config, {})
        with pytest.raises(UserError, match="is being written"):
            RunDirectory(tmp_path / "run").create(tiny_config, {})
    RunDirectory(tmp_path / "run").create(tiny_config, {})

"""Drawing processes: begun once each, ended with the block, with a failure, and with their parent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from grokking.drawing.parallel import processes
from grokking.errors import UserError

ROOT = Path(__file__).parents[2]
PATIENCE = 120
"""Seconds; a busy machine takes long to start a process."""
UNGUARDED = """
import os, sys, time
from grokking.drawing.parallel import processes
print("main", flush=True)
with processes(2, os.chdir, "/") as submit:
    print(submit(os.getpid).result(), flush=True)
    submit(time.sleep, 1000).result()
"""
"""A script without a ``__main__`` guard: it prints a worker's number and then waits for it."""


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has asked for its exit code counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while not gone(pid):
        assert time.monotonic() < deadline, f"process {pid} still lives"
        time.sleep(0.05)


def test_every_process_is_begun_and_ends_with_the_block(tmp_path: Path) -> None:
    with processes(2, os.chdir, str(tmp_path)) as submit:
        folders = [submit(os.getcwd) for _ in range(4)]
        assert {future.result() for future in folders} == {str(tmp_path)}
        worker = submit(os.getpid).result()
    assert worker != os.getpid()
    wait_until_gone(worker)


def test_a_process_that_dies_is_said_to(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match="ended before its time.*--jobs 1"),
        processes(2, os.chdir, str(tmp_path)) as submit,
    ):
        submit(os._exit, 9).result()


def test_after_a_failure_what_has_not_begun_is_dropped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), processes(1, os.chdir, str(tmp_path)) as submit:
        worker = submit(os.getpid).result()
        late = [submit(time.sleep, 0.1), *(submit(os.mkdir, str(i)) for i in range(50))]
        raise KeyboardInterrupt
    wait_until_gone(worker)
    assert sum(future.cancelled() for future in late) > 40
    assert len(list(tmp_path.iterdir())) < 10


def test_processes_end_with_a_killed_script_that_needs_no_guard() -> None:
    script = subprocess.Popen([sys.executable, "-c", UNGUARDED], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert script.stdout is not None
        assert script.stdout.readline() == "main\n"
        worker = int(script.stdout.readline())
        script.kill()
        script.wait(PATIENCE)
        wait_until_gone(worker)
        assert script.stdout.read() == ""  # no second "main": no process ran the script again
    finally:
        script.kill()
        script.communicate()

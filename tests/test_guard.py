"""How scripts answer signals: a child process says where it is, and then the signal comes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grokking.guard import GRACE

PATIENCE = 300
"""Seconds; a busy machine may leave a child waiting for long."""
SHORT_GRACE = 0.5
"""Seconds of grace for those that do not end within any."""
HEAD = """
import atexit, os, signal, sys, threading, time
from grokking.cli.console import run_script
from grokking.guard import loading, unhurried
from grokking.interrupts import deferred

def say(words):
    print(words, flush=True)

def wait_for_signal():
    while True:
        time.sleep(0.01)
"""


class Child:
    """A script that runs in ``root``; ``body`` defines ``main``. grace: its seconds, by default the usual."""

    def __init__(self, root: Path, body: str, grace: float = GRACE) -> None:
        script = f"{HEAD}\n{body}\nif __name__ == '__main__':\n    run_script(main)\n"
        self.process = subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=root,
            env=os.environ | {"GROKKING_GRACE": str(grace)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def signalled_at(self, words: str, number: int) -> tuple[int, str, str]:
        """Send the signal once the child has said ``words``: exit code, further output, errors."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{words}\n"
        self.process.send_signal(number)
        out, err = self.process.communicate("go on\n", timeout=PATIENCE)
        return self.process.returncode, out, err


ENDS = [(signal.SIGINT, 130, "interrupted; run the same command again\n"), (signal.SIGTERM, 143, "")]


HANGING = [
    # A thread that never ends, as one that waits in compiled code: Python would wait for it at its exit.
    """
def main():
    threading.Thread(target=wait_for_signal).start()
    say("here")
    wait_for_signal()
""",
    # A clean-up that takes for ever.
    """
def main():
    try:
        say("here")
        wait_for_signal()
    finally:
        wait_for_signal()
""",
]
"""What does not end by itself."""


@pytest.mark.parametrize("number, code, err", ENDS)
@pytest.mark.parametrize(
    "body",
    [
        # An import that swallows whatever is raised in it.
        """
def main():
    with loading():
        say("here")
        while True:
            try:
                wait_for_signal()
            except BaseException:
                pass
""",
        """
def main():
    say("here")
    wait_for_signal()
""",
        *HANGING,
        # What Python calls by itself has nobody to raise an exception for: it is dropped.
        """
class Dropped:
    def __del__(self):
        say("here")
        for _ in range(10**9):
            pass

def main():
    Dropped()
    wait_for_signal()
""",
        # The interrupt turned into an error of another kind.
        """
def main():
    try:
        say("here")
        wait_for_signal()
    except BaseException as error:
        raise ImportError("initialization failed") from error
""",
    ],
    ids=["loading", "working", "a thread hangs", "clean-up hangs", "in a callback", "turned into an error"],
)
def test_a_signal_ends_a_script_quietly(body: str, number: int, code: int, err: str, root: Path) -> None:
    grace = SHORT_GRACE if body in HANGING else GRACE
    assert Child(root, body, grace).signalled_at("here", number) == (code, "", err)


@pytest.mark.parametrize("number, code", [(number, code) for number, code, _ in ENDS])
def test_blocks_clean_up_after_a_signal(number: int, code: int, root: Path) -> None:
    ended = Child(
        root,
        """
def main():
    try:
        say("here")
        wait_for_signal()
    finally:
        say("cleaned up")
""",
    ).signalled_at("here", number)
    assert ended[:2] == (code, "cleaned up\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_work_changes_nothing(number: int, root: Path) -> None:
    """While Python ends: what was to be done is done."""
    ended = Child(
        root,
        """
def main():
    @atexit.register
    def leaving():
        say("leaving")
        sys.stdin.readline()
""",
    ).signalled_at("leaving", number)
    assert ended == (0, "", "")


def test_a_block_that_saves_is_given_the_time_it_needs(root: Path) -> None:
    """It lasts longer than the grace that a script has otherwise."""
    ended = Child(
        root,
        """
from grokking.guard import GRACE

def main():
    with unhurried():
        signal.signal(signal.SIGINT, lambda *_: None)
        say("here")
        end = time.monotonic() + 1.5 * GRACE
        sys.stdin.readline()
        while time.monotonic() < end:
            time.sleep(0.01)
        say("saved")
""",
        SHORT_GRACE,
    ).signalled_at("here", signal.SIGINT)
    assert ended == (0, "saved\n", "")


def test_without_a_script_nothing_is_installed() -> None:
    code = (
        "import signal, grokking, grokking.guard, grokking.interrupts, grokking.engines.threads\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL\n"
        "with grokking.guard.loading(), grokking.guard.unhurried(): pass\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE)


@pytest.mark.parametrize("start", [["-m", "grokking", "--help"], ["train_with_metrics.py", "--help"]])
@pytest.mark.parametrize("number, code, err", ENDS)
def test_a_signal_before_anything_of_ours_is_loaded(
    start: list[str], number: int, code: int, err: str, root: Path, tmp_path: Path
) -> None:
    """The command's first import swallows whatever is raised in it; its name is one of Python's own."""
    (tmp_path / "argparse.py").write_text(
        "import time\nprint('here', flush=True)\nwhile True:\n"
        "    try:\n        time.sleep(0.01)\n    except BaseException:\n        pass\n"
    )
    process = subprocess.Popen(
        [sys.executable, *start],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(number)
    assert process.communicate(timeout=PATIENCE) == ("", err)
    assert process.returncode == code

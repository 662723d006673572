"""``grokking video`` as a person meets it."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from grokking.films.encoder import count_frames
from tests.conftest import ROOT
from tests.films.handmade import everything, fake_ffmpeg, make_frames
from tests.waiting import PATIENCE, wait_until

COMMAND = [sys.executable, "-m", "grokking", "video"]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}
"""The command runs in folders of its own."""


def video(*arguments: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT | env, capture_output=True, text=True)


def test_video_prints_the_film(tmp_path: Path) -> None:
    make_frames(tmp_path / "-a b%d")
    done = video("--format", "gif", "--fps", "5", "--", "-a b%d", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "-a b%d.gif\n", "")
    assert count_frames(tmp_path / "-a b%d.gif") == 5


def test_video_with_a_name_that_is_not_text(tmp_path: Path) -> None:
    make_frames(tmp_path / os.fsdecode(b"\xff"), count=1)
    command = [*COMMAND, os.fsdecode(b"\xff")]
    done = subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"\xff.mp4\n", b"")


def test_video_refuses_in_one_line(tmp_path: Path, frames: Path, untouched: None) -> None:
    for arguments in (["nowhere"], [frames, "--fps", "nan"], [frames, "--output", "no/a.mp4"]):
        done = video(*arguments, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(r"error: .+\n", done.stderr)


def test_video_without_any_ffmpeg(tmp_path: Path, frames: Path, untouched: None) -> None:
    done = video(frames, cwd=tmp_path, PATH="/nowhere", IMAGEIO_FFMPEG_EXE="/nowhere/ffmpeg")
    assert done.returncode == 2
    assert re.fullmatch("error: no ffmpeg to be found: .*install.*\n", done.stderr)


@pytest.mark.slow
def test_video_interrupted(tmp_path: Path, frames: Path) -> None:
    pids = tmp_path / "pid"
    # Its first picture has arrived, so the script is past starting it and knows what it has to end.
    path = fake_ffmpeg(
        tmp_path / "bin",
        f"head -c 1 > /dev/null\n"
        f"echo $$ > '{pids}.new'; mv '{pids}.new' '{pids}'\n"
        f"exec sleep {10 * PATIENCE:.0f}\n",
    )
    before = everything(tmp_path)
    # A shell that puts the tests into the background has them ignore Ctrl-C, and so their children.
    running = subprocess.Popen(
        [*COMMAND, frames],
        env=ENVIRONMENT | {"PATH": path},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_until(pids.exists, running)
        running.send_signal(signal.SIGINT)
        stderr_text = running.communicate(timeout=PATIENCE)[1]
    finally:
        running.kill()
    assert running.returncode == 130
    assert "Traceback" not in stderr_text
    with pytest.raises(ProcessLookupError):  # and ffmpeg is gone too
        os.kill(int(pids.read_text()), 0)
    pids.unlink()
    assert everything(tmp_path) == before

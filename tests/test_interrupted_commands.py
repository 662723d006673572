"""Every command, interrupted at many moments from its start to its end.

What is asserted holds at any moment, so the moments need not be met exactly: they are spread over the time
that the command takes when nobody interrupts it. That time begins when the libraries are loaded
(``tests.preloaded``), but for one command that is started as a person starts it.
"""

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

from grokking.cli.command import COMMANDS
from grokking.config import RunConfig
from grokking.films.registry import FILMS
from tests import preloaded
from tests.conftest import ROOT

MOMENTS = int(os.environ.get("GROKKING_MOMENTS", "2"))
"""At how many moments each command is interrupted; more by the environment variable."""
PATIENCE = 600
"""Seconds that a command may take if nobody interrupts it."""
MOST_SECONDS = 900
"""From the signal to the end, so that a command that hangs is a failure. Some 2 s are measured."""
RECORDED = Path("docs") / "recorded"
KEPT = ("000000", "000290", "002000", "008000", "012000", "015000")
"""Epochs of the recorded run that stay: enough that two processes and several threads share the work."""
TINY = (
    "--p 11 --d_model 16 --n_heads 2 --d_mlp 32 --train_frac 0.5 --n_epochs 400 --log_every 10 "
    "--checkpoint_every 100"
)
LINES = [
    "audit SWEEP/add",
    "audit SWEEP/add --over_training",
    "compare RUN --output OUT/curves.png",
    "export RUN --format state_dict --output OUT/network.safetensors",
    "figures RUN --only circles margins learning --output_dir OUT/figures --jobs 2",
    "figures SWEEP/add --maths --output_dir OUT/maths",
    "frames answers RUN --n_frames 10 --output_dir OUT/frames --jobs 1",
    "frames circle RUN --n_frames 20 --output_dir OUT/frames --jobs 2",
    "frames clean RUN --n_frames 10 --direct OUT.mp4 --jobs 1",
    "frames kinematics HEIGHTS --output_dir OUT/frames --jobs 1",
    "frames order RUN --n_frames 10 --output_dir OUT/frames --jobs 1",
    "frames sine RUN --n_frames 10 --output_dir OUT/frames --jobs 1",
    "identify SWEEP/add",
    "import WEIGHTS.safetensors --output_dir OUT/imported",
    "llc SWEEP/add --epochs 60 --chains 2 --steps 40 --burn_in 10 --output_dir OUT/llc",
    "measure RUN",
    "measure HEIGHTS",
    "page RUN --output_dir OUT/site",
    "record RUN --epochs 3 --output_dir OUT/recorded",
    "report SWEEP --output_dir OUT/report",
    "report SWEEP --cogrokking --output_dir OUT/report",
    "show SWEEP/add",
    f"sweep {TINY} --seed 0:3 --jobs 2 --output_dir OUT/sweep",
    f"train {TINY} --output_dir OUT/runs",
    "video FRAMES --output OUT.mp4",
]
"""What is typed after ``grokking``, in a folder with RUN, HEIGHTS, SWEEP, FRAMES and WEIGHTS."""
ELSEWHERE = {"demo", "story"}
"""Commands that do what others here do: one trains and draws as ``show`` does, one makes films."""


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_config: RunConfig,
    train_run: Callable[..., Path],
) -> Path:
    """A folder with what the commands start from, under the names in ``LINES``."""
    folder = tmp_path_factory.mktemp("made")
    shutil.copytree(ROOT / RECORDED / "addition", folder / "RUN")
    (folder / "RUN" / "manifest.json").unlink()  # it would say that files are missing
    for path in (folder / "RUN").glob("checkpoint_e*"):
        if not path.stem.endswith(KEPT):
            path.unlink()
    shutil.copy(folder / "RUN" / "checkpoint_e008000.safetensors", folder / "WEIGHTS.safetensors")
    heights = RunConfig(
        task="kinematics", d_model=16, n_heads=2, d_mlp=32, n_epochs=20, log_every=10, checkpoint_every=10
    )
    train_run(heights, folder / "HEIGHTS")
    for task in ("add", "mul", "add,mul"):
        train_run(replace(tiny_config, task=task), folder / "SWEEP" / task.replace(",", "_"))
    _, err = begun("frames circle RUN --output_dir FRAMES --n_frames 20", folder).communicate(
        timeout=PATIENCE
    )
    assert (folder / "FRAMES").is_dir(), err
    return folder


ENVIRONMENT = {"PYTHONPATH": str(ROOT), "GROKKING_GRACE": str(10 * MOST_SECONDS), "OMP_NUM_THREADS": "2"}
"""Time enough to clean up on any machine: what is tested here is that a command does, and ends.

Two threads, since an interrupt can reach one and leave the other waiting.
"""


def begun(line: str, folder: Path) -> preloaded.Running:
    """The command, started in that folder."""
    return preloaded.start(line.split(), folder, **ENVIRONMENT)


def typed(line: str, folder: Path) -> "subprocess.Popen[str]":
    """As ``begun``, in a Python of its own, which loads everything first."""
    return subprocess.Popen(
        [sys.executable, "-m", "grokking", *line.split()],
        cwd=folder,
        env=os.environ | ENVIRONMENT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def left_over(folder: Path) -> list[str]:
    """Empty folders, and files that only a process at work has."""
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if (path.is_dir() and not any(path.iterdir()))
        or path.name.endswith((".tmp", ".lock"))
        or path.name.startswith((".drawing-", ".film-", ".ready-"))
    ]


def test_no_command_and_no_film_is_missing() -> None:
    words = [line.split() for line in LINES]
    assert set(COMMANDS.names()) - {first for first, *_ in words} == ELSEWHERE
    assert set(FILMS.names()) == {film for first, film, *_ in words if first == "frames"}


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES)
def test_an_interrupt_at_any_moment_ends_the_command(line: str, made: Path, tmp_path: Path) -> None:
    interrupt_at_moments(begun, line, MOMENTS, made, tmp_path)


@pytest.mark.slow
def test_an_interrupt_while_everything_is_loaded_ends_the_command(made: Path, tmp_path: Path) -> None:
    interrupt_at_moments(typed, f"train {TINY} --output_dir OUT/runs", 3, made, tmp_path)


def interrupt_at_moments(
    begin: Callable[[str, Path], preloaded.Running], line: str, moments: int, made: Path, tmp_path: Path
) -> None:
    """Run a command to its end, then interrupt it at so many moments; asserts how each of them ends."""

    def start(folder: Path) -> preloaded.Running:
        shutil.copytree(made, folder)
        return begin(line, folder)

    began = time.monotonic()
    process = start(tmp_path / "whole")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    takes, slowest = time.monotonic() - began, 0.0
    for k in range(1, moments + 1):
        folder = tmp_path / str(k)
        process = start(folder)
        try:
            process.wait(k * takes / (moments + 1))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        signalled = time.monotonic()
        _, err = process.communicate(timeout=MOST_SECONDS)
        slowest = max(slowest, time.monotonic() - signalled)
        assert process.returncode in (0, 130), err
        assert "Traceback" not in err
        assert left_over(folder) == []
        shutil.rmtree(folder)
    print(f"{line}: {slowest:.1f} s at most from the signal to the end")  # noqa: T201

"""Accidents of real command lines in processes of their own: what each said, and what was left."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.reliability.disk import can_mount, small_disk
from benchmarks.reliability.faults import PATIENCE, POLL, Mishap
from benchmarks.reliability.kills import damaged
from benchmarks.reliability.notes import Once, at_once
from benchmarks.reliability.work import contents
from grokking.runs.run import Run
from grokking.storage.run_directory import RunDirectory

ROOT = Path(__file__).resolve().parents[2]
FRAME_SIZE = "1920x1080"
"""Slow enough to be caught in the middle."""
TRIES = 10
SMALL = (
    "--p",
    "13",
    "--d_model",
    "16",
    "--n_heads",
    "2",
    "--d_mlp",
    "32",
    "--train_frac",
    "0.5",
    "--log_every",
    "10",
    "--checkpoint_every",
    "20",
)
TELLING = ("error: ", "warning: ", "stopped by", "a worker died")


class Stage:
    """An empty folder in which commands run as typed; ``run`` is where their run lies."""

    def __init__(self, scratch: Path) -> None:
        self.folder = scratch / "stage"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.run = self.folder / "out" / "r"

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """A subcommand of ``grokking``, begun."""
        known = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
        return subprocess.Popen(
            [sys.executable, "-m", "grokking", *command],
            cwd=self.folder,
            env=known,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def end(self, *command: str, **environment: str) -> tuple[int, str]:
        """The same, to its end: exit code and stderr."""
        return ended(self.start(*command, **environment))

    def training(self, n_epochs: int, *more: str) -> tuple[str, ...]:
        """The command that trains the stage's run."""
        return (
            "train",
            *SMALL,
            "--n_epochs",
            str(n_epochs),
            "--output_dir",
            "out",
            "--run_name",
            "r",
            "--threads",
            "1",
            "--no_measures",
            *more,
        )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code and stderr."""
    said = process.communicate(timeout=PATIENCE)[1]
    return process.returncode, said


def require(end: tuple[int, str]) -> None:
    """What an accident starts from must be there."""
    if end[0] != 0:
        raise RuntimeError(f"ended with {end[0]}: {end[1]}")


def until(holds: Callable[[], object]) -> bool:
    """Wait for it, on a busy machine, too; whether it came."""
    deadline = time.monotonic() + PATIENCE
    while not (there := holds()) and time.monotonic() < deadline:
        time.sleep(POLL)
    return bool(there)


def mishap(what: str, end: tuple[int, str], well: bool, folder: Path) -> Mishap:
    """With the last telling line, and neither path nor name of this machine."""
    lines = end[1].replace("\r", "\n").strip().splitlines() or [""]
    said = ([line for line in lines if line.startswith(TELLING) or TELLING[-1] in line] or lines)[-1]
    crashed = "Traceback" in end[1]
    for name, instead in ((str(folder), "…"), (f"'{socket.gethostname()}'", "'host'")):
        said = said.replace(name, instead)
    return Mishap(what, end[0], said, well and not crashed)


def accidents(scratch: Path, once: Once = at_once, only: Sequence[str] = ()) -> list[Any]:
    """All of them, or those named."""
    names = [name for name in ACCIDENTS if not only or name in only]

    def happened(name: str) -> list[Mishap]:
        stage = Stage(scratch)
        end, well = ACCIDENTS[name](stage)
        return [mishap(name, end, well, stage.folder)]

    return [found for name in names for found in once(name, lambda: happened(name))]  # noqa: B023


def sound(stage: Stage) -> bool:
    """Nothing is damaged or left over, and the last weights open."""
    run = Run(stage.run)
    _ = run.weights(run.final_epoch)
    return not run.faults and not list(stage.folder.rglob(".*"))


# The accidents: each gives how the command ended, and whether all is well after it


def second_writer(stage: Stage) -> tuple[tuple[int, str], bool]:
    """The first is interrupted afterwards and must have been spared."""
    first = stage.start(*stage.training(10**6))
    until(lambda: RunDirectory(stage.run).epochs()[2:])
    end = stage.end(*stage.training(10**6))
    first.send_signal(signal.SIGINT)
    return end, ended(first)[0] == 130 and sound(stage) and "is being written by process" in end[1]


def diverging(stage: Stage) -> tuple[tuple[int, str], bool]:
    """What was good before is kept."""
    end = stage.end(*stage.training(60, "--lr", "1e30"))
    run = Run(stage.run)
    good = all(bool(torch.isfinite(t).all()) for t in run.weights(run.final_epoch).values())
    return end, good and sound(stage) and "diverged" in end[1]


class _Bomb:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (self.command,)


def hostile_weights(stage: Stage) -> tuple[tuple[int, str], bool]:
    """Nothing is run, nothing made."""
    mark = stage.folder / "executed"
    torch.save({"W_E": torch.zeros(14, 4), "x": _Bomb(f"touch {mark}")}, stage.folder / "weights.pt")
    end = stage.end("import", "weights.pt", "--output_dir", "out/r")
    return end, sorted(path.name for path in stage.folder.rglob("*")) == ["weights.pt"]


def other_threads(stage: Stage) -> tuple[tuple[int, str], bool]:
    """It goes on, and says so."""
    stage.end(*stage.training(40))
    end = stage.end(*stage.training(80, "--threads", "2"))
    return end, sound(stage) and "threads was 1 and is 2 now" in end[1]


def other_torch(stage: Stage) -> tuple[tuple[int, str], bool]:
    """It goes on, and says so."""
    stage.end(*stage.training(40))
    directory = RunDirectory(stage.run)
    about = {name: value for name, value in directory.record().items() if name != "config"}
    directory.create(directory.config(), {**about, "versions": {**about["versions"], "torch": "1.0.0"}})
    end = stage.end(*stage.training(80))
    return end, sound(stage) and "torch was 1.0.0 and is" in end[1]


def little_room(stage: Stage) -> tuple[tuple[int, str], bool]:
    """Said before anything is written."""
    if not can_mount(stage.folder / "out"):
        return (0, "not tried: no right to mount a small disk"), False
    with small_disk(stage.folder / "out", "200k"):
        end = stage.end(*stage.training(10**6))
        return end, contents(stage.folder) == {} and "of free disk" in end[1]


def no_ffmpeg_for_the_demo(stage: Stage) -> tuple[tuple[int, str], bool]:
    """What ./run demo asks before it trains."""
    end = stage.end("demo", PATH="/nowhere", IMAGEIO_FFMPEG_EXE="/nowhere")
    return end, end[0] == 2 and not contents(stage.folder)


def _children(pid: int) -> list[int]:
    """Processes below one, at any depth, that work; helpers of multiprocessing are not among them."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid:
                command = (folder / "cmdline").read_bytes()
                child = int(folder.name)
                works = b"resource_tracker" not in command and b"ffmpeg" not in command
                found += [child] * works + _children(child)
    return sorted(found)


def _drawing(stage: Stage) -> tuple[subprocess.Popen[str], list[int]]:
    """Frames being drawn by two processes: the script, and these processes."""
    require(stage.end(*stage.training(160)))
    frames = ("frames", "circle", str(stage.run), "--output_dir", "frames", "--size", FRAME_SIZE)
    for _ in range(TRIES):  # frames take hundredths of a second: all may be drawn before one looks
        process, workers = _caught_drawing(stage, frames)
        if workers and process.poll() is None:
            return process, workers
        require(ended(process))
        shutil.rmtree(stage.folder / "frames")
    raise RuntimeError(f"no process that draws was seen in {TRIES} films")


def _caught_drawing(stage: Stage, frames: Sequence[str]) -> tuple[subprocess.Popen[str], list[int]]:
    process = stage.start(*frames, "--jobs", "2")
    until(lambda: process.poll() is not None or list(stage.folder.glob("frames/.drawing-*/frame_*.png")))
    return process, _children(process.pid)


def _frames_whole(stage: Stage) -> bool:
    """The same command, undisturbed, ends well and leaves nothing over."""
    code, _ = stage.end(
        "frames",
        "circle",
        str(stage.run),
        "--output_dir",
        "frames",
        "--jobs",
        "1",
        "--size",
        FRAME_SIZE,
    )
    n_frames = len(list(stage.folder.glob("frames/frame_*.png")))
    return (
        code == 0
        and n_frames == len(Run(stage.run).epochs)
        and sound(stage)
        and not damaged(stage.folder / "frames")
    )


def drawing_worker_killed(stage: Stage) -> tuple[tuple[int, str], bool]:
    """The other frames were not believed; again, all are drawn."""
    process, workers = _drawing(stage)
    os.kill(workers[-1], signal.SIGKILL)
    end = ended(process)
    return end, not list(stage.folder.glob("frames/*")) and _frames_whole(stage)


def drawing_parent_killed(stage: Stage) -> tuple[tuple[int, str], bool]:
    """Its processes end with it."""
    process, workers = _drawing(stage)
    process.kill()
    gone = until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    return (process.wait(), ""), gone and bool(workers) and _frames_whole(stage)


def frames_folder_vanished(stage: Stage) -> tuple[tuple[int, str], bool]:
    """Renamed under the hands of two processes."""
    process, _ = _drawing(stage)
    os.rename(stage.folder / "frames", stage.folder / "elsewhere")
    end = ended(process)
    shutil.rmtree(stage.folder / "elsewhere")
    shutil.rmtree(stage.folder / "frames", ignore_errors=True)
    return end, _frames_whole(stage)


def _sweeping(stage: Stage) -> tuple[tuple[str, ...], subprocess.Popen[str], list[int]]:
    command = (
        "sweep",
        *SMALL,
        "--n_epochs",
        "400",
        "--seed",
        "0",
        "1",
        "--jobs",
        "2",
        "--threads",
        "1",
        "--output_dir",
        "sweep",
    )
    process = stage.start(*command)
    until(lambda: list(stage.folder.glob("sweep/*/checkpoint_e000040*")))
    return command, process, _children(process.pid)


def _sweep_whole(stage: Stage) -> bool:
    runs = sorted(path.parent for path in stage.folder.glob("sweep/*/config.json"))
    return len(runs) == 2 and all(Run(run).final_epoch == 400 for run in runs) and not damaged(stage.folder)


def sweep_worker_killed(stage: Stage) -> tuple[tuple[int, str], bool]:
    """The sweep itself goes on."""
    _, process, workers = _sweeping(stage)
    os.kill(workers[-1], signal.SIGKILL)
    end = ended(process)
    return end, end[0] == 0 and _sweep_whole(stage)


def sweep_parent_killed(stage: Stage) -> tuple[tuple[int, str], bool]:
    """Its workers save and end; the same command goes on."""
    command, process, workers = _sweeping(stage)
    process.kill()
    gone = until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    return (process.wait(), ""), gone and stage.end(*command)[0] == 0 and _sweep_whole(stage)


ACCIDENTS: dict[str, Callable[[Stage], tuple[tuple[int, str], bool]]] = {
    "a second process trains the same run": second_writer,
    "a learning rate of 1e30": diverging,
    "a .pt file that runs a command when it is unpickled": hostile_weights,
    "going on with another number of threads": other_threads,
    "going on with another version of torch": other_torch,
    "less free disk than the run may need": little_room,
    "no ffmpeg, asked for by ./run demo before it trains": no_ffmpeg_for_the_demo,
    "SIGKILL to one of two processes that draw frames": drawing_worker_killed,
    "SIGKILL to the script whose two processes draw frames": drawing_parent_killed,
    "the folder of frames vanishes while two processes draw": frames_folder_vanished,
    "SIGKILL to one of a sweep's two workers": sweep_worker_killed,
    "SIGKILL to a sweep with two workers": sweep_parent_killed,
}

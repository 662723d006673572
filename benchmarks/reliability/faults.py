"""Mishaps one by one: what was said, with which exit code, and whether the same command ends well after."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.reliability.children import Child, Ended, done
from benchmarks.reliability.kills import damaged
from benchmarks.reliability.notes import Once, at_once
from benchmarks.reliability.work import Work, contents, kinds, references

POLL, SOON = 0.002, 0.02
PATIENCE = 600.0


@dataclass(frozen=True)
class Mishap:
    """said: the last line on stderr.  ends_well: nothing damaged, and the undisturbed bytes when the
    work was done again without the mishap.
    """

    what: str
    code: int
    said: str
    ends_well: bool


class Scene:
    """One kind of work in a folder, to be disturbed."""

    def __init__(self, work: Work, wanted: dict[str, bytes], scratch: Path) -> None:
        self.work, self.wanted, self.folder, self.log = work, wanted, scratch / "scene", scratch / "scene.log"
        self.scratch = scratch

    def fresh(self) -> None:
        """An empty folder with what the work starts from."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.work.start(self.folder)

    def child(self, before: Callable[[], object] = lambda: None) -> Child:
        """The work in a child, after ``before``."""
        return Child(lambda: (before(), self.work.go(self.folder)), self.log)

    def judged(self, what: str, ended: Ended) -> Mishap:
        """Do it again undisturbed and look."""
        sound = not damaged(self.folder)
        again = done(lambda: self.work.go(self.folder), self.log)
        good = sound and again.code == 0 and contents(self.folder) == self.wanted
        said = (ended.said.strip().splitlines() or [""])[-1].replace(str(self.scratch), "…")
        return Mishap(what, ended.code, said, good)

    def begun(self, pattern: str) -> None:
        """Wait until there is something of this name."""
        deadline = time.monotonic() + PATIENCE
        while not any(self.folder.glob(pattern)) and time.monotonic() < deadline:
            time.sleep(POLL)


def mishaps_of(
    scratch: Path, names: Sequence[str] = ("training", "stitching"), once: Once = at_once
) -> list[Any]:
    """All mishaps of these kinds of work."""
    arranged = {"training": (_signals, _folders, _clock), "stitching": (_ffmpeg,)}

    def happened(name: str) -> list[Mishap]:
        work = kinds(scratch)[name]
        scene = Scene(work, references({name: work}, scratch)[name], scratch)
        return [mishap for arrange in arranged[name] for mishap in arrange(scene)]

    return [mishap for name in names for mishap in once(name, partial(happened, name))]


def _signals(scene: Scene) -> Iterator[Mishap]:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        for second in (None, number):
            scene.fresh()
            child = scene.child()
            scene.begun("run/checkpoint_e000020*")
            child.signal(number)
            what = f"{signal.Signals(number).name} during training"
            if second is not None:
                time.sleep(SOON)
                child.signal(second)
                what += ", and again soon after"
            yield scene.judged(what, child.wait())


def _folders(scene: Scene) -> Iterator[Mishap]:
    scene.fresh()
    with _read_only(scene.folder) as possible:
        if possible:
            ended = scene.child().wait()
    if possible:
        yield scene.judged("training into a read-only disk", ended)
    scene.fresh()
    child = scene.child()
    scene.begun("run/checkpoint_e000020*")
    os.rename(scene.folder / "run", scene.scratch / "vanished")
    ended = child.wait()
    shutil.rmtree(scene.scratch / "vanished")
    yield scene.judged("the run directory vanishes during training", ended)


@contextmanager
def _read_only(folder: Path) -> Iterator[bool]:
    """The folder as a read-only mount of itself; False where that is not ours to do."""
    try:
        subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError):
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", str(folder)], check=True, capture_output=True)


def _clock(scene: Scene) -> Iterator[Mishap]:
    """Half of the run under a clock that runs backwards, an hour per look; then the rest."""
    scene.fresh()

    def backwards() -> None:
        now = [time.time()]

        def earlier() -> float:
            now[0] -= 3600
            return now[0]

        time.time = earlier

    child = scene.child(backwards)
    scene.begun("run/checkpoint_e000060*")
    child.signal(signal.SIGTERM)
    yield scene.judged("the clock goes backwards during training", child.wait())


def _ffmpeg(scene: Scene) -> Iterator[Mishap]:
    def none_here() -> None:
        import grokking.films.encoder as encoder

        mock.patch.object(encoder.shutil, "which", return_value=None).start()

    def fails_half_way() -> None:
        import grokking.films.encoder as encoder

        tool = scene.scratch / "ffmpeg_that_dies"
        tool.write_text("#!/bin/sh\nhead -c 20000 > /dev/null\necho 'out of order' >&2\nexit 1\n")
        tool.chmod(0o755)
        mock.patch.object(encoder, "find_ffmpeg", return_value=str(tool)).start()

    for what, arrange in (("no ffmpeg", none_here), ("ffmpeg fails half-way", fails_half_way)):
        scene.fresh()
        yield scene.judged(what, scene.child(arrange).wait())

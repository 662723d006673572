"""A disk that fills while a run is written: on a small tmpfs, or, without the right to mount one, by a
limit on every file's size.
"""

import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.reliability.children import done
from benchmarks.reliability.kills import damaged
from benchmarks.reliability.notes import Once, at_once
from benchmarks.reliability.work import Work, contents, kinds, references


@dataclass
class Tally:
    """full: tries that met the full disk, and said so in a line.  wrong: said otherwise, or not.

    lost: files damaged by it.  differing: ends, once there was room, unlike the undisturbed one's.
    """

    how: str
    tries: int = 0
    full: int = 0
    wrong: int = 0
    lost: int = 0
    differing: int = 0


def fill(scratch: Path, sizes: int, once: Once = at_once) -> dict[str, Any]:
    """Every kind of work on disks that lack room for a growing share of what it makes."""
    works = kinds(scratch)
    page = works["building a page"]  # anew: an earlier page goes first, and leaves room
    works[page.name] = replace(page, start=lambda folder: shutil.copytree(scratch / "run", folder / "run"))
    return {
        name: once(name, lambda: _filled(work, scratch, sizes))  # noqa: B023 (called at once)
        for name, work in works.items()
    }


def _filled(work: Work, scratch: Path, sizes: int) -> Tally:
    wanted = references({work.name: work}, scratch)[work.name]
    tally = Tally("tmpfs" if can_mount(scratch / "probe") else "file size limit")
    for i in range(sizes):
        one_try(work, wanted, scratch, (i + 0.5) / sizes, tally)
    return tally


def one_try(work: Work, wanted: dict[str, bytes], scratch: Path, share: float, tally: Tally) -> None:
    """Do it with room for ``share`` of what it adds, then again with plenty."""
    disk, log = scratch / "disk", scratch / "disk.log"
    tally.tries += 1
    with (small_disk if tally.how == "tmpfs" else _folder)(disk):
        work.start(disk)
        before = sum(map(len, contents(disk).values()))
        added = sum(map(len, wanted.values())) - before

        def go_blind() -> None:
            import grokking.training.loop as loop

            loop.require_space = lambda _: None  # which would have refused to begin
            if tally.how != "tmpfs":
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                largest = int(share * max(map(len, wanted.values())))
                resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
            work.go(disk)

        if tally.how == "tmpfs":
            _resize(disk, _pages(disk) + int(share * (added / 4096 + 1)))
        ended = done(go_blind, log)
        last = (ended.said.splitlines() or [""])[-1]
        if ended.code == 2 and last.startswith("error: ") and "Traceback" not in ended.said:
            tally.full += 1
        elif ended.code:
            tally.wrong += 1
        tally.lost += len(damaged(disk))
        if tally.how == "tmpfs":
            _resize(disk, 1 << 16)
        again = done(lambda: work.go(disk), log)
        tally.differing += again.code != 0 or contents(disk) != wanted


def _pages(disk: Path) -> int:
    usage = shutil.disk_usage(disk)
    return usage.used // 4096


@contextmanager
def _folder(path: Path) -> Iterator[None]:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    yield


@contextmanager
def small_disk(path: Path, size: str = "64m") -> Iterator[None]:
    """A tmpfs of its own, mounted for a block."""
    path.mkdir(exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
    try:
        yield
    finally:
        _run("umount", str(path))


def _resize(path: Path, pages: int) -> None:
    _run("mount", "-o", f"remount,size={pages * 4096}", str(path))


def can_mount(path: Path) -> bool:
    """Whether that is ours to do."""
    try:
        with small_disk(path):
            return True
    except (OSError, subprocess.SubprocessError):
        return False


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)

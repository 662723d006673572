"""SIGKILL at random moments, and on purpose in the middle of a write; then the same command again."""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.reliability.children import Child, done
from benchmarks.reliability.notes import Once, at_once
from benchmarks.reliability.work import Work, contents, kinds, references
from grokking.storage.checksummed_dir import MANIFEST, ChecksummedDir

AGAIN = 0.3
"""How often the process that goes on is killed as well."""
EVENTS = ("fsync", "replace", "unlink")


@dataclass
class Tally:
    """kills: that met a living process.  lost: files damaged or gone after a kill.  differing: ends
    that are not the undisturbed one's, byte by byte, or have something left over.
    """

    tries: int = 0
    kills: int = 0
    begun: int = 0
    in_write: int = 0
    lost: int = 0
    differing: int = 0


def kill_kinds(
    scratch: Path, tries: int, seed: int, only: tuple[str, ...] = (), once: Once = at_once
) -> dict[str, Any]:
    """Kill every kind of work ``tries`` times: half at a random time, half inside a write."""
    works = {name: work for name, work in kinds(scratch).items() if not only or name in only}
    return {
        name: once(name, lambda: _killed(work, scratch, tries, seed))  # noqa: B023 (called at once)
        for name, work in works.items()
    }


def _killed(work: Work, scratch: Path, tries: int, seed: int) -> Tally:
    wanted = references({work.name: work}, scratch)[work.name]
    killer = Killer(work, wanted, scratch / "killed", random.Random(f"{seed} {work.name}"))
    for i in range(tries):
        killer.one_try(inside_a_write=i % 2 == 1)
    return killer.tally


class Killer:
    """Kills one kind of work again and again, each time in a folder made anew."""

    def __init__(self, work: Work, wanted: dict[str, bytes], folder: Path, draw: random.Random) -> None:
        self.work, self.wanted, self.folder, self.draw = work, wanted, folder, draw
        self.tally = Tally()
        self.log = folder.with_suffix(".log")
        self._fresh()
        counter = folder.with_suffix(".events")
        self.seconds = done(lambda: _counting(lambda: work.go(folder), counter), self.log).seconds
        self.events = int(counter.read_text())

    def one_try(self, inside_a_write: bool) -> None:
        """Kill once, perhaps again while going on, then let it finish and compare."""
        self._fresh()
        self.tally.tries += 1
        self._kill(inside_a_write)
        while self.draw.random() < AGAIN:
            self._kill(not inside_a_write)
        ended = done(lambda: self.work.go(self.folder), self.log)
        if ended.code or contents(self.folder) != self.wanted:
            self.tally.differing += 1

    def _fresh(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.work.start(self.folder)

    def _kill(self, inside_a_write: bool) -> None:
        if inside_a_write:
            n, share = self.draw.randrange(1, self.events + 1), self.draw.random()
            child = Child(lambda: _dying(lambda: self.work.go(self.folder), n, share), self.log)
        else:
            child = Child(lambda: self.work.go(self.folder), self.log)
            time.sleep(self.draw.uniform(0, self.seconds))
            child.signal(signal.SIGKILL)
        if child.wait().code != -signal.SIGKILL:
            return  # it was faster
        self.tally.kills += 1
        self.tally.begun += self.work.begun(self.folder)
        self.tally.in_write += inside_a_write or any(self.folder.rglob(".*.tmp"))
        self.tally.lost += len(damaged(self.folder))


def damaged(folder: Path) -> list[str]:
    """Files below a folder that their manifest calls damaged or missing."""
    found = (ChecksummedDir(path.parent, lambda _: False).faults() for path in folder.rglob(MANIFEST))
    return [name for faults in found for name in faults]


def _counting(go: Callable[[], object], counter: Path) -> None:
    """Do it, and write down how many moments of writing there were."""
    seen = [0]

    def count(_: str, __: object) -> None:
        seen[0] += 1

    _watch_writes(count)
    go()
    counter.write_text(str(seen[0]))


def _dying(go: Callable[[], object], n: int, share: float) -> None:
    """Do it until the n-th moment of writing; a file that is being flushed is cut to a share of it."""
    seen = [0]

    def die(event: str, argument: object) -> None:
        seen[0] += 1
        if seen[0] < n:
            return
        if event == "fsync" and isinstance(argument, int):
            with suppress(OSError):  # a folder
                os.ftruncate(argument, int(share * os.fstat(argument).st_size))
        os.kill(os.getpid(), signal.SIGKILL)

    _watch_writes(die)
    go()


def _watch_writes(note: Callable[[str, object], None]) -> None:
    """Have ``note`` called before every fsync, replace and unlink of this process."""
    for event in EVENTS:
        real = getattr(os, event)

        def watched(first: object, *rest: object, event: str = event, real: object = real, **more: object):
            note(event, first)
            return real(first, *rest, **more)

        setattr(os, event, watched)

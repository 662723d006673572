"""What a piece of code touches, as Python's audit events tell: files, processes, pickles.

What would be changed outside is not: the event is answered as by a disk that may only be read.
"""

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {
    "os.rename": 2,
    "os.remove": 1,
    "os.mkdir": 1,
    "os.rmdir": 1,
    "os.link": 2,
    "os.symlink": 2,
    "os.truncate": 1,
    "os.chmod": 1,
    "os.chown": 1,
    "shutil.rmtree": 1,
}
EXECUTES = ("os.system", "os.exec", "os.posix_spawn", "pickle.find_class")
TOOLS = ("git", "ffmpeg", "uname")
"""Programs that are started on purpose, with arguments of our own making."""
HARMLESS = ("/dev/null",)
NUMBA_S_OWN = tuple(os.path.join("numba", "core", name) for name in ("caching.py", "serialize.py"))


class TrainingMonitor:
    """outside: what was to be changed beyond ``allowed``.  executed: commands and pickled classes."""

    def __init__(self) -> None:
        self.allowed: Path | None = None
        self.asked: tuple[str, ...] = ()
        self.outside: list[str] = []
        self.executed: list[str] = []
        sys.addaudithook(self._hear)

    @contextmanager
    def over(self, allowed: Path, asked: Sequence[str] = ()) -> Iterator[None]:
        """Watch a block, which may change files below ``allowed`` alone.

        asked: what a person gave, perhaps as where to write to. What lies at such a path, below it, or
        beside it under a longer or a hidden name is not written either, but not held against the block.
        """
        paths = tuple(os.path.realpath(path) for path in asked if "\0" not in path)
        self.allowed, self.asked = allowed.resolve(), paths
        try:
            yield
        finally:
            self.allowed = None

    def _hear(self, event: str, arguments: tuple) -> None:
        if self.allowed is None:
            return
        if event == "open":
            path, mode, flags = arguments
            if flags & WRITES or (isinstance(mode, str) and set(mode) & set("wax+")):
                self._changed(event, path)
        elif event in CHANGES:
            below_a_handle = isinstance(arguments[-1], int) and arguments[-1] >= 0 and event != "os.truncate"
            for path in () if below_a_handle else arguments[: CHANGES[event]]:
                self._changed(event, path)  # of what is below a handle, the folder was looked at
        elif event == "subprocess.Popen":
            if not Path(os.fsdecode(arguments[0])).name.startswith(TOOLS):
                self.executed.append(f"{event} {arguments[:2]}")
        elif event in EXECUTES and not _numba_reads_its_own():
            self.executed.append(f"{event} {arguments[:2]}")

    def _changed(self, event: str, path: object) -> None:
        if not isinstance(path, str | bytes | os.PathLike):
            return  # an open handle, whose file was looked at when it was opened
        full = os.path.realpath(os.fsdecode(path))
        inside = full == str(self.allowed) or full.startswith(f"{self.allowed}{os.sep}")
        if inside or full in HARMLESS or "__pycache__" in full:
            return
        folder, name = os.path.split(full)
        hidden = name.startswith(".") and folder in map(os.path.dirname, self.asked)
        if not full.startswith(self.asked) and not hidden:
            self.outside.append(f"{event} {full}")
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), full)


def _numba_reads_its_own() -> bool:
    """Whether it is numba that unpickles what it compiled of ours, from beside our modules or in memory."""
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.endswith(NUMBA_S_OWN):
            return True
        frame = frame.f_back
    return False

"""One writer at a time: a lock on a folder that ends with the process that holds it.

The lock is the operating system's, on an open file, so a process that is killed leaves at most an
``.lock`` that nothing locks, which the next writer takes over. Its content names the holder to a writer
that is refused.

``filelock``, which PyTorch brings along, was tried in its place (4.3). It does the same call, but keeps the
file after every release, knows no holder to name, and raises where the file system answers ENOLCK or
ENOTSUP instead of ENOSYS; its way out for ENOSYS is a lock that outlives a SIGKILL.
"""

import errno
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from grokking.errors import UserError, os_errors_as, warn
from grokking.interrupts import deferred

LOCK = ".lock"
_UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}
_BEYOND = 1 << 30
"""Windows locks a range of bytes, which then cannot be read: so it lies far beyond the content."""


@contextmanager
def locked(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Hold the folder's lock for a block; the folder must exist.

    Raises UserError, at once and naming the holder, if another writer is at work, also one in this
    process.
    """
    path, handle = folder / name, None
    try:
        with deferred():
            handle = acquire(path)
        if handle is None:
            raise UserError(f"{folder} is being written by {_holder(path)}; wait until it ends, or stop it")
        with suppress(OSError):
            os.truncate(handle, 0)
            os.write(handle, _card())
        yield
    finally:
        if handle is not None:
            with deferred():
                release(path, handle)


def acquire(path: Path) -> int | None:
    """An open, locked handle of the file ``path``, made if need be; None if another holds it.

    Raises UserError if the file cannot be made.
    """
    with os_errors_as(f"write {path}"):
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            if not _lock(handle):
                os.close(handle)
                return None
            if _is_still(path, handle):
                return handle
            os.close(handle)  # its last holder deleted it between our opening and our locking


def release(path: Path, handle: int) -> None:
    """Delete the file, then unlock it; in this order, so that the file of another holder is never deleted."""
    with suppress(OSError):
        if _is_still(path, handle):
            os.unlink(path)  # refused by Windows, where the file simply stays
    os.close(handle)


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(handle, _BEYOND, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            warn("this file system cannot lock files: make sure that no second process writes here")
            return True
        return False
    return True


def _card() -> bytes:
    return json.dumps({"pid": os.getpid(), "host": platform.node()}).encode()


def _holder(path: Path) -> str:
    """Who holds the lock, as far as its file says; the file is not trusted."""
    try:
        with open(path, "rb") as file:
            card = json.loads(file.read(1000))
        return f"process {int(card['pid'])} on {str(card['host'])[:80]!r}"
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return "another process"

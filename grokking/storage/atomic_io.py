"""Files and folders that appear whole or not at all."""

import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from grokking.errors import DamagedFile, UserError, os_errors_as
from grokking.interrupts import deferred
from grokking.storage.locking import acquire, locked

TEMPORARY = ".tmp"
"""How the names of files end that are not whole yet; they begin with a dot."""


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step, durable when this returns.

    Raises UserError, leaving what was there, if the folder cannot be written or the disk is full.
    """
    temporary = None
    try:
        with os_errors_as(f"write {path}"):
            with deferred():  # a file that is there has a name that we know
                handle, temporary = tempfile.mkstemp(
                    prefix=f".{path.name}.", suffix=TEMPORARY, dir=path.parent
                )
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
            sync_folder(path.parent)
    finally:
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)


def sync_folder(folder: Path) -> None:
    """Make the names of files in a folder durable. Raises OSError."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def json_bytes(record: Any) -> bytes:
    """A JSON record as a file's content; NaN and infinity are a bug of ours (ValueError)."""
    return (json.dumps(record, allow_nan=False) + "\n").encode()


def write_json(path: Path, record: Any) -> None:
    """``write_bytes`` of ``json_bytes``."""
    write_bytes(path, json_bytes(record))


def read_bytes(path: Path) -> bytes:
    """The file's content; raises UserError naming it if it cannot be read."""
    with os_errors_as(f"read {path}"):
        return path.read_bytes()


def read_json(path: Path) -> Any:
    """The record in ``path``; raises DamagedFile if it is not JSON."""
    return parse_json(read_bytes(path), path)


def parse_json(content: bytes, path: Path) -> Any:
    """The record that the file ``path`` holds; raises DamagedFile if it is not JSON."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DamagedFile(f"{path} is damaged, or was not made by this project: {error}") from error


def temporaries(folder: Path) -> dict[Path, str]:
    """Files that a killed process had not finished writing, each with the name it was to get."""
    left = folder.glob(f".*{TEMPORARY}")
    return {path: path.name[1 : -len(TEMPORARY)].rpartition(".")[0] for path in left}


@contextmanager
def folder_for(path: Path) -> Iterator[None]:
    """``make_folder`` for a block that fills it; what was made and is still empty afterwards goes.

    So work that is interrupted, or fails, before its first file leaves no folder behind.
    """
    absolute = path.absolute()
    missing = [folder for folder in (absolute, *absolute.parents) if not folder.exists()]
    try:
        make_folder(path)
        yield
    finally:
        with suppress(OSError):  # the first that holds something stays, and with it those around it
            for folder in missing:
                folder.rmdir()


@contextmanager
def scratch_folder(folder: Path, prefix: str, suffix: str = "") -> Iterator[Path]:
    """A new folder inside of ``folder`` for a block, which goes with all that is left in it.

    Raises UserError if it cannot be made.
    """
    scratch = None
    try:
        with os_errors_as(f"write in {folder}"), deferred():
            scratch = tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=folder)
        yield Path(scratch)
    finally:
        if scratch is not None:
            with deferred():
                shutil.rmtree(scratch, ignore_errors=True)


def make_folder(path: Path) -> None:
    """Create ``path`` and its parents; raises UserError if that fails or it cannot be written."""
    with os_errors_as(f"create the folder {path}", "choose another place, or work in another folder"):
        path.mkdir(parents=True, exist_ok=True)
    if not os.access(path, os.W_OK | os.X_OK):
        raise UserError(f"the folder {path} cannot be written; make it writable, or work in another folder")


HELD = ".staging"
"""Lock in a folder that is being filled; nothing holds it in a folder that a killed process left."""


def require_free(target: Path) -> None:
    """Raises UserError unless ``target`` is not there, or an empty folder."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target} exists and is not an empty folder; give another --output_dir")


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new folder for a block to fill, which becomes ``target`` when the block ends well.

    Otherwise it is deleted, and so are folders that killed processes were filling for the same target. Raises
    UserError if something is in the way, or the folder cannot be written.
    """
    require_free(target)
    place = target.absolute()
    with folder_for(place.parent), _next_to(place) as staging, os_errors_as(f"write {target}"):
        with locked(staging, HELD):
            yield staging
        os.chmod(staging, 0o755)
        if place.is_dir():
            place.rmdir()
        os.rename(staging, place)


def _next_to(place: Path) -> AbstractContextManager[Path]:
    """An empty folder next to ``place`` for a block; deletes those that killed processes left."""
    prefix = f".{place.name}."
    for left in place.parent.glob(f"{glob.escape(prefix)}*{TEMPORARY}"):
        if left.is_dir() and (lock := acquire(left / HELD)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    return scratch_folder(place.parent, prefix, TEMPORARY)

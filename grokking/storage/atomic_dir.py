"""A folder that appears whole or not at all: filled under a temporary name, renamed when it is done."""

import glob
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from grokking.errors import UserError, os_errors_as
from grokking.storage.atomic_io import TEMPORARY, folder_for, scratch_folder
from grokking.storage.locking import acquire, locked

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

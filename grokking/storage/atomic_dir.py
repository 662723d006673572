"""A folder that appears whole or not at all: filled beside its place, renamed when it is done."""

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
"""Lock in a folder that is being filled; what a killed process left behind holds none."""


def require_free(target: Path) -> None:
    """Raises UserError unless ``target`` is not there, or an empty folder."""
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(f"{target} exists and is not an empty folder; give another --output_dir")


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A new folder for a block to fill, which becomes ``target`` when the block ends well.

    Else nothing stays. Folders that killed processes were filling for the same target go. Raises
    UserError if something is in the way, or the folder cannot be written.
    """
    require_free(target)
    place = target.absolute()
    with folder_for(place.parent), _beside(place) as staging, os_errors_as(f"write {target}"):
        with locked(staging, HELD):
            yield staging
        os.chmod(staging, 0o755)
        if place.is_dir():
            place.rmdir()
        os.rename(staging, place)


def _beside(place: Path) -> AbstractContextManager[Path]:
    """An empty folder beside ``place`` for a block; those of killed processes go."""
    prefix = f".{place.name}."
    for left in place.parent.glob(f"{glob.escape(prefix)}*{TEMPORARY}"):
        if left.is_dir() and (lock := acquire(left / HELD)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    return scratch_folder(place.parent, prefix, TEMPORARY)

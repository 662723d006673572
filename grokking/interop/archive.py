"""A zipped run directory as a source of weights: unpacked into a temporary folder, within limits.

The page's laboratory saves such archives.
"""

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from grokking.errors import UserError, os_errors_as
from grokking.interop.untrusted import MAX_FILE_BYTES, MAX_FILES, SUFFIXES

TAKEN = (*SUFFIXES, ".json")
"""What a file of the archive must end in to be unpacked; the others are left where they are."""


@contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """The folder with a ``.zip`` file's content, deleted afterwards; any other source as it is.

    Folders inside the archive are dropped. Raises UserError for damage, for two files of one name, for an
    archive without weights and for one beyond the limits.
    """
    if source.suffix.lower() != ".zip" or not source.is_file():
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        with os_errors_as(f"unpack {source}"):
            _unpack(source, Path(folder))
        yield Path(folder)


def _unpack(source: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(source) as archive:
            for name, entry in _entries(source, archive).items():
                (folder / name).write_bytes(archive.read(entry))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError) as error:
        raise UserError(f"{source} cannot be unpacked: {error}; accepted: a zipped run directory") from error


def _entries(source: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The entries to unpack by the name of their file, checked before any memory is taken."""
    wanted: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        name = PurePosixPath(entry.filename.replace("\\", "/")).name
        if entry.is_dir() or not name.lower().endswith(TAKEN):
            continue
        if name in wanted:
            raise UserError(f"{source} holds two files named {name}; accepted: a zipped run directory")
        wanted[name] = entry
    size = sum(entry.file_size for entry in wanted.values())
    if not any(name.lower().endswith(SUFFIXES) for name in wanted):
        raise UserError(f"{source} holds no weights; accepted: files that end in {' '.join(SUFFIXES)}")
    if len(wanted) > MAX_FILES or size > MAX_FILE_BYTES:
        raise UserError(
            f"{source} holds {len(wanted)} files of {size / 2**30:.1f} GiB; accepted: up to {MAX_FILES} "
            f"files and {MAX_FILE_BYTES / 2**30:.0f} GiB"
        )
    return wanted

"""Where frames go: a folder of PNGs, or straight into a film. Either appears whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grokking.errors import os_errors_as
from grokking.films.png import png_bytes
from grokking.films.video import FRAME, FRAME_NAME, FRAMES_RECORD, VideoWriter, checked_frames
from grokking.storage.atomic_io import json_bytes, scratch_folder, write_bytes
from grokking.storage.checksummed_dir import ChecksummedDir
from grokking.storage.manifest import digest, digest_of_file

DRAWING = ".drawing-"


@dataclass(frozen=True)
class PngFolder:
    """Frames as files in a hidden folder; drawing processes write them themselves."""

    folder: Path

    def put(self, number: int, rgb: np.ndarray) -> None:
        """Write frame ``number``, uint8 [height, width, 3]; raises UserError if that fails."""
        path = self.folder / (FRAME_NAME % number)
        with os_errors_as(f"write {path}"), open(path, "wb") as file:
            file.write(png_bytes(rgb))
            file.flush()
            os.fsync(file.fileno())

    def receive(self, result: Any) -> None:
        """Nothing is left to do for a frame that was put."""


@dataclass(frozen=True)
class FilmPipe:
    """Frames piped to a film as they come; drawing processes only hand them over."""

    writer: VideoWriter | None = None

    def put(self, number: int, rgb: np.ndarray) -> np.ndarray:  # noqa: ARG002
        """The frame itself, for ``receive``."""
        return rgb

    def receive(self, result: Any) -> None:
        """Append a frame; they come in order."""
        if self.writer is None:
            raise ValueError("this end of the pipe only hands frames over")
        self.writer.write(result)

    def __reduce__(self) -> tuple[Any, ...]:
        # A pipe stays where it was opened: the other process gets the end that hands over.
        return FilmPipe, ()


FrameWriter = PngFolder | FilmPipe


@contextmanager
def frames_folder(folder: Path, fps: float) -> Iterator[PngFolder]:
    """Frames that replace those in ``folder`` when the block ends well; else the old ones stay.

    Frames of an earlier, longer film go; other files stay. ``frames.json`` keeps the frame rate, the
    manifest the frames' checksums.

    Raises UserError if another process draws into the folder, or it cannot be written.
    """
    files = checked_frames(folder)
    with files.writing():
        for left in folder.glob(f"{DRAWING}*"):  # of a drawing that was killed
            shutil.rmtree(left, ignore_errors=True)
        with scratch_folder(folder, DRAWING) as drawing:
            yield PngFolder(drawing)
            _replace_frames(files, drawing, fps)


def _replace_frames(files: ChecksummedDir, drawing: Path, fps: float) -> None:
    record = json_bytes({"fps": fps})
    old = [path.name for path in files.path.iterdir() if FRAME.fullmatch(path.name)]
    with os_errors_as(f"replace the frames in {files.path}"):
        new = {path.name: digest_of_file(path) for path in sorted(drawing.iterdir())}
        after = dict.fromkeys(old) | new | {FRAMES_RECORD: digest(record)}
        with files.announced(after):
            for name in set(old) - set(new):
                (files.path / name).unlink()
            for name in new:
                os.replace(drawing / name, files.path / name)
            write_bytes(files.path / FRAMES_RECORD, record)


@contextmanager
def film_file(path: Path, size: tuple[int, int], fps: float) -> Iterator[FilmPipe]:
    """Frames that become the film ``path`` when the block ends well."""
    with VideoWriter(path, size, fps) as writer:
        yield FilmPipe(writer)

"""Where frames go: a folder of PNGs, or straight into a film. Either appears whole or not at all."""

import io
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from grokking.errors import UserError
from grokking.files import make_folder, write_json
from grokking.render.video import FRAME_NAME, VideoWriter

FRAMES_RECORD = "frames.json"
COMPRESSION = 1
"""zlib level: frames are flat, higher levels save little and take several times longer."""


@dataclass(frozen=True)
class PngFolder:
    """Frames as files in a folder that nobody reads yet; drawing processes write them themselves."""

    folder: Path

    def put(self, number: int, rgb: np.ndarray) -> None:
        """Write frame ``number``, uint8 [height, width, 3]; raises UserError if that fails."""
        png = io.BytesIO()
        Image.fromarray(rgb).save(png, "PNG", compress_level=COMPRESSION)
        path = self.folder / (FRAME_NAME % number)
        try:
            path.write_bytes(png.getvalue())
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror or error}") from error

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


Sink = PngFolder | FilmPipe


@contextmanager
def frames_folder(folder: Path, fps: float) -> Iterator[PngFolder]:
    """Frames that replace those in ``folder`` when the block ends well; else the old ones stay.

    Frames of an earlier, longer film go; other files stay. ``frames.json`` keeps the frame rate.
    """
    make_folder(folder)
    drawing = Path(tempfile.mkdtemp(prefix=".drawing-", dir=folder))
    try:
        yield PngFolder(drawing)
        _replace_frames(folder, drawing, fps)
    finally:
        shutil.rmtree(drawing, ignore_errors=True)


def _replace_frames(folder: Path, drawing: Path, fps: float) -> None:
    new = sorted(path.name for path in drawing.iterdir())
    try:
        for old in folder.iterdir():
            if re.fullmatch(r"frame_\d{5,}\.png", old.name) and old.name not in new:
                old.unlink()
        for name in new:
            os.replace(drawing / name, folder / name)
    except OSError as error:
        raise UserError(f"cannot replace the frames in {folder}: {error.strerror or error}") from error
    write_json(folder / FRAMES_RECORD, {"fps": fps})


@contextmanager
def film_file(path: Path, size: tuple[int, int], fps: float) -> Iterator[FilmPipe]:
    """Frames that become the film ``path`` when the block ends well."""
    with VideoWriter(path, size, fps) as writer:
        yield FilmPipe(writer)

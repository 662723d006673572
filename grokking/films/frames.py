"""Frames of a film: drawn by several processes, with the same bytes as by one; into a folder or a film."""

import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import AnimatedFigure
from grokking.drawing.parallel import processes
from grokking.errors import os_errors_as
from grokking.films.png import png_bytes
from grokking.films.video import FRAME, FRAME_NAME, FRAMES_RECORD, VideoWriter, checked_frames
from grokking.progress_bar import tracked
from grokking.storage.atomic_io import json_bytes, scratch_folder, write_bytes
from grokking.storage.checksummed_dir import ChecksummedDir, digest, digest_of_file

DRAWING = ".drawing-"


@dataclass(frozen=True)
class PngFolder:
    """Frames as files in a hidden folder; drawing processes write them themselves.

    notes: what ``frames.json`` says besides the frame rate.
    """

    folder: Path
    notes: dict[str, Any] = field(default_factory=dict)

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
    """Frames piped to a film as they come; drawing processes only hand them over.

    notes: are not kept.
    """

    writer: VideoWriter | None = None
    notes: dict[str, Any] = field(default_factory=dict)

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

    Frames of an earlier, longer film go; other files stay. ``frames.json`` keeps the frame rate and the
    captions, the manifest the frames' checksums.

    Raises UserError if another process draws into the folder, or it cannot be written.
    """
    files = checked_frames(folder)
    with files.writing():
        for left in folder.glob(f"{DRAWING}*"):  # of a drawing that was killed
            shutil.rmtree(left, ignore_errors=True)
        with scratch_folder(folder, DRAWING) as drawing:
            writer = PngFolder(drawing)
            yield writer
            _replace_frames(files, drawing, {"fps": fps, **writer.notes})


def _replace_frames(files: ChecksummedDir, drawing: Path, notes: dict[str, Any]) -> None:
    record = json_bytes(notes)
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


CHUNK = 8
"""Frames drawn at a stretch: long enough to hide the hand-over, short enough to stop quickly."""

MakeFigure = Callable[[], AnimatedFigure]

_figure: AnimatedFigure | None = None
_writer: FrameWriter | None = None


def draw(make_figure: MakeFigure, n_frames: int, writer: FrameWriter, jobs: int) -> None:
    """Draw frames 0 … n_frames - 1 and hand them to the writer, in contiguous chunks.

    make_figure: builds the figure; picklable, since each process builds its own.
    """
    chunks = [range(at, min(at + CHUNK, n_frames)) for at in range(0, n_frames, CHUNK)]
    jobs = min(jobs, len(chunks))
    if jobs == 1:
        frames = _in_turn(make_figure, chunks, writer)
    else:
        frames = _shared(make_figure, chunks, writer, jobs)
    for result in tracked(frames, "drawing", n_frames):
        writer.receive(result)


def _in_turn(make_figure: MakeFigure, chunks: list[range], writer: FrameWriter) -> Iterator[Any]:
    figure = make_figure()
    for chunk in chunks:
        for number in chunk:
            yield writer.put(number, figure.rgb(number))


def _shared(make_figure: MakeFigure, chunks: list[range], writer: FrameWriter, jobs: int) -> Iterator[Any]:
    waiting: deque[Future[list[Any]]] = deque()
    with processes(jobs, _begin, make_figure, writer) as submit:
        for chunk in chunks:
            waiting.append(submit(_draw_chunk, chunk))
            if len(waiting) > 2 * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _begin(make_figure: MakeFigure, writer: FrameWriter) -> None:
    global _figure, _writer
    _figure, _writer = make_figure(), writer


def _draw_chunk(chunk: range) -> list[Any]:
    if _figure is None or _writer is None:
        raise RuntimeError("this process was not begun: it has no figure to draw")
    return [_writer.put(number, _figure.rgb(number)) for number in chunk]

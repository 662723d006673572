"""Drawing the frames of a film in several processes, with the same bytes as in one."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from grokking.drawing.animated_figure import AnimatedFigure
from grokking.drawing.parallel import processes
from grokking.films.frame_writers import FrameWriter
from grokking.progress_bar import tracked

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

"""Drawing the frames of a film in several processes, with the same bytes as in one."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

from grokking.drawing.parallel import processes
from grokking.films.animated_figure import AnimatedFigure
from grokking.films.frame_writers import Sink
from grokking.progress_bar import tracked

CHUNK = 8
"""Frames drawn at a stretch: long enough to hide the hand-over, short enough to stop quickly."""

MakePicture = Callable[[], AnimatedFigure]

_picture: AnimatedFigure | None = None
_sink: Sink | None = None


def draw(make_picture: MakePicture, n_frames: int, sink: Sink, jobs: int) -> None:
    """Draw frames 0 … n_frames - 1 into the sink, in contiguous chunks.

    make_picture: builds the picture; picklable, since each process builds its own.
    """
    chunks = [range(at, min(at + CHUNK, n_frames)) for at in range(0, n_frames, CHUNK)]
    jobs = min(jobs, len(chunks))
    frames = _in_turn(make_picture, chunks, sink) if jobs == 1 else _shared(make_picture, chunks, sink, jobs)
    for result in tracked(frames, "drawing", n_frames):
        sink.receive(result)


def _in_turn(make_picture: MakePicture, chunks: list[range], sink: Sink) -> Iterator[Any]:
    picture = make_picture()
    for chunk in chunks:
        for number in chunk:
            yield sink.put(number, picture.rgb(number))


def _shared(make_picture: MakePicture, chunks: list[range], sink: Sink, jobs: int) -> Iterator[Any]:
    waiting: deque[Future[list[Any]]] = deque()
    with processes(jobs, _begin, make_picture, sink) as submit:
        for chunk in chunks:
            waiting.append(submit(_draw_chunk, chunk))
            if len(waiting) > 2 * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _begin(make_picture: MakePicture, sink: Sink) -> None:
    global _picture, _sink
    _picture, _sink = make_picture(), sink


def _draw_chunk(chunk: range) -> list[Any]:
    if _picture is None or _sink is None:
        raise RuntimeError("this process has no picture")
    return [_sink.put(number, _picture.rgb(number)) for number in chunk]

"""Drawing the frames of a film in several processes, with the same bytes as in one."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from grokking.errors import UserError
from grokking.render.picture import Picture
from grokking.render.progress import tracked
from grokking.render.sinks import Sink

CHUNK = 8
"""Frames drawn at a stretch: long enough to hide the hand-over, short enough to stop quickly."""

MakePicture = Callable[[], Picture]

_picture: Picture | None = None
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
    # Started afresh, not forked: a fork would copy PyTorch's threads in the middle of something.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _begin, (make_picture, sink))
    waiting: deque[Future[list[Any]]] = deque()
    try:
        for chunk in chunks:
            with _uninterrupted():
                waiting.append(pool.submit(_draw_chunk, chunk))
            if len(waiting) > 2 * jobs:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool as error:
        raise UserError("a drawing process ended before its time, perhaps for want of memory; "
                        "try --jobs 1") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(make_picture: MakePicture, sink: Sink) -> None:
    global _picture, _sink
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _picture, _sink = make_picture(), sink


def _end_with_parent() -> None:
    """A pool whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _draw_chunk(chunk: range) -> list[Any]:
    if _picture is None or _sink is None:
        raise RuntimeError("this process has no picture")
    return [_sink.put(number, _picture.rgb(number)) for number in chunk]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes started in the block never hear Ctrl-C: only the parent does, and ends them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

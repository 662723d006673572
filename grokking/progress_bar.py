"""What a person sees while one thing after another is done: a bar on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO, TypeVar

from tqdm import tqdm

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 10.0


def tracked(
    items: Iterable[T], what: str, total: int, stream: TextIO | None = None, unit: str = "frame"
) -> Iterator[T]:
    """Pass items on and count them as they are asked for: ``what: 12/60 frames``."""

    def line(done: int, seconds: float) -> str:
        return f"{what}: {done}/{total} {unit}s  {seconds:.1f} s"

    return _counted(items, what, total, unit, line, stream)


def shown(epochs: Iterable[Any], title: str, stream: TextIO | None = None) -> Iterator[Any]:
    """The epochs, or other checkpoints, counted as they are asked for: ``title: checkpoint 12/60``."""
    items = list(epochs)
    return _counted(
        items,
        title,
        len(items),
        "checkpoint",
        lambda done, _: f"{title}: checkpoint {done}/{len(items)}",
        stream,
    )


def _counted(
    items: Iterable[T],
    what: str,
    total: int,
    unit: str,
    line: Callable[[int, float], str],
    stream: TextIO | None,
) -> Iterator[T]:
    """line: (items done, seconds since the first was asked for) to what stands in a log every ten seconds."""
    stream = sys.stderr if stream is None else stream
    if stream.isatty():
        yield from tqdm(items, desc=what, total=total, unit=unit, file=stream, dynamic_ncols=True)
        return
    began = last = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        if done == total or time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            stream.write(f"{line(done, last - began)}\n")
            stream.flush()

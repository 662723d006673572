"""What a person sees of long work: a bar on a terminal, plain lines elsewhere; the one class for it."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Any, TextIO, TypeVar

from tqdm import tqdm

T = TypeVar("T")
SECONDS_BETWEEN_LINES = 10.0
"""Without a terminal: how often a line says how far the work is."""


class ProgressBar:
    """Counts what is done; a context manager.

    title: what is done.  total: how much there is, in ``unit``.  line: what a plain line says, for the
    present count; it may read attributes of the bar.  every: seconds between two plain lines.
    done: how much was done before.  options: of tqdm, for the bar of a terminal.
    """

    def __init__(
        self,
        title: str,
        total: int,
        unit: str,
        line: "Callable[[ProgressBar], str]",
        stream: TextIO | None = None,
        every: float = SECONDS_BETWEEN_LINES,
        done: int = 0,
        **options: Any,
    ) -> None:
        self.title, self.total, self.unit, self.line, self.every = title, total, unit, line, every
        self.stream = sys.stderr if stream is None else stream
        self.done = self.before = done
        self.text = ""
        self.began = self.last_line = time.monotonic()
        self.bar: Any = None
        if self.stream.isatty():
            self.bar = tqdm(
                total=total,
                initial=done,
                desc=title,
                unit=unit,
                file=self.stream,
                dynamic_ncols=True,
                **options,
            )

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.close()

    @property
    def seconds(self) -> float:
        """Since the bar was made."""
        return time.monotonic() - self.began

    def update(self, n: int = 1) -> None:
        """``n`` more are done."""
        self.done += n
        if self.bar is not None:
            self.bar.update(n)
        elif self.done >= self.total or time.monotonic() - self.last_line >= self.every:
            self.say_line()

    def describe(self, text: str) -> None:
        """What the bar says in addition to the count; plain lines read it as ``text``."""
        self.text = text
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)

    def say_line(self) -> None:
        """Write a plain line now, where there is no bar."""
        self.last_line = time.monotonic()
        if self.bar is None:
            self.say(self.line(self))

    def say(self, text: str) -> None:
        """A line of its own, above the bar where there is one."""
        if self.bar is not None:
            self.bar.write(text, file=self.stream)
        else:
            self.stream.write(f"{text}\n")
            self.stream.flush()


def tracked(
    items: Iterable[T], what: str, total: int, stream: TextIO | None = None, unit: str = "frame"
) -> Iterator[T]:
    """Pass items on and count them as they are asked for: ``what: 12/60 frames``."""

    def line(bar: ProgressBar) -> str:
        return f"{what}: {bar.done}/{total} {unit}s  {bar.seconds:.1f} s"

    with ProgressBar(what, total, unit, line, stream) as bar:
        for item in items:
            yield item
            bar.update()


def shown(epochs: Iterable[Any], title: str, stream: TextIO | None = None) -> Iterator[Any]:
    """The epochs, or other checkpoints, counted as they are asked for: ``title: checkpoint 12/60``."""
    items = list(epochs)

    def line(bar: ProgressBar) -> str:
        return f"{title}: checkpoint {bar.done}/{bar.total}"

    with ProgressBar(title, len(items), "checkpoint", line, stream) as bar:
        for item in items:
            yield item
            bar.update()

"""A polite end: the first signal to stop is noted, the second takes its usual effect."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

NOTED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Ctrl-C, the request to end, and, where there is one, the end of the terminal."""
_noting: list[Any] = []
"""Handlers of the blocks that are open, the innermost last."""


@contextmanager
def graceful_shutdown(then: Callable[[], object] = lambda: None) -> Iterator[list[int]]:
    """Collects the first signal to stop, calling ``then``; a second one, of any kind, ends at once.

    A block within another passes on what it notes: a signal that comes too late for a run must
    still end the sweep that the run is part of. What came too late for the outermost block takes its
    usual effect after it.
    """
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return

    outer = list(_noting)

    def note(number: int, frame: Any) -> None:
        caught.append(number)
        then()
        if outer:
            outer[-1](number, frame)
        for other in before:
            signal.signal(other, signal.SIG_DFL)

    # nohup has the end of the terminal ignored, and that stays so.
    noted = [s for s in NOTED if s == signal.SIGINT or signal.getsignal(s) != signal.SIG_IGN]
    before = {s: signal.getsignal(s) for s in noted}
    _noting.append(note)
    try:
        for number in before:
            signal.signal(number, note)
        yield caught
    finally:
        _noting.pop()
        for number, handler in reversed(before.items()):  # SIGINT last: then nothing is left to restore
            signal.signal(number, handler)
    if caught and not outer:
        signal.raise_signal(caught[0])

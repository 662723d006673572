"""Ctrl-C in the library: it waits where stopping halfway would harm, and is heard right afterwards.

Nothing here stays installed: outside of a block, signals have the effect that the program gave them.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ENDING = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK", "SIGALRM")
    if hasattr(signal, name)
)
"""Signals whose handlers may raise an exception anywhere in the main thread: requests to end, time limits."""


@contextmanager
def deferred() -> Iterator[None]:
    """Signals that arrive during the block take effect at its end, in their order.

    For steps that must not be left halfway, such as handing work to threads that wait for each other.
    Only the main thread runs handlers, so in any other thread the block is an ordinary one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def note(number: int, _: Any) -> None:
        came.append(number)

    # A signal without a handler of Python's is none of our business: it ends the process, or does nothing.
    before = {number: handler for number in ENDING if callable(handler := signal.getsignal(number))}
    try:
        for number in before:
            signal.signal(number, note)
        yield
    finally:
        # SIGINT last: once it can raise again, nothing is left to restore.
        for number, handler in reversed(before.items()):
            signal.signal(number, handler)
        for number in came:
            signal.raise_signal(number)

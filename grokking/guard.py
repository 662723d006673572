"""How a script answers Ctrl-C and SIGTERM: soon, quietly, with exit code 128 + signal, at any moment.

The first signal raises an exception, so that every block cleans up behind itself. A thread watches that
the end really comes: what holds it up, such as a long computation in compiled code, is left after
``GRACE`` seconds. This module imports nothing large, so that it is in place before PyTorch is loaded.
"""

import atexit
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

TYPE_CHECKING = False  # typing takes time to load
if TYPE_CHECKING:
    from typing import Any

GRACE = float(os.environ.get("GROKKING_GRACE", "4"))
"""Seconds that a command has to clean up after a signal; then the process ends, whatever it is doing."""
GUARDED = (signal.SIGINT, signal.SIGTERM)
INTERRUPTED = "interrupted; run the same command again"
_LOOK_EVERY = 0.1
_CLOSED = 0
"""Byte that tells the watching thread to end; signals have other numbers."""

_current: "Guard | None" = None


class Guard:
    """Handlers of the signals that end a script, from ``open`` to ``close``.

    heard: numbers of the signals that came.  over: once true, the script's work is done, and a signal
    raises nothing more.
    """

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.over = False
        self.loading = 1  # until the script's work begins
        self.unhurried = 0
        self._closed = threading.Event()
        self._before: dict[int, Any] = {}

    def open(self) -> None:
        """Take the signals over, if this is the main thread, except signals that are ignored; once."""
        global _current
        if hasattr(self, "_reading") or threading.current_thread() is not threading.main_thread():
            return
        self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable
        self._reading, self._writing = os.pipe()
        if os.name == "posix":
            os.set_blocking(self._writing, False)
        self._wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        threading.Thread(target=self._watch, name="watches for a signal", daemon=True).start()
        _current, self._outer = self, _current
        for number in GUARDED:
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it, or a background job
                self._before[number] = signal.signal(number, self._hear)

    def close(self) -> None:
        """Give everything back."""
        global _current
        if not hasattr(self, "_reading"):
            return
        self._closed.set()
        for number, handler in reversed(self._before.items()):
            signal.signal(number, handler)
        _current = self._outer
        signal.set_wakeup_fd(self._wakeup)
        with suppress(BrokenPipeError):  # after a signal the thread may have seen that all is closed
            os.write(self._writing, bytes([_CLOSED]))
        os.close(self._writing)
        sys.unraisablehook = self._hook

    def _hear(self, number: int, _: FrameType | None) -> None:
        self.heard.append(number)
        if self.loading:
            self._leave(number)
        if len(self.heard) == 1 and not self.over:
            raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    def _leave(self, number: int) -> None:
        if number == signal.SIGINT and not self.over:  # otherwise the line was written already
            with suppress(OSError):
                # By its number: the main thread may be in the middle of writing to sys.stderr.
                os.write(2, f"{INTERRUPTED}\n".encode())
        os._exit(128 + number)

    def _watch(self) -> None:
        """Ends the process if it has not ended ``GRACE`` seconds after a signal."""
        while (number := os.read(self._reading, 1)[0]) not in (*GUARDED, _CLOSED):
            pass
        left = GRACE
        while number != _CLOSED and not self._closed.wait(_LOOK_EVERY):
            left = GRACE if self.unhurried else left - _LOOK_EVERY
            if left <= 0:
                self._leave(number)
        os.close(self._reading)

    def _unraisable(self, what: "Any") -> None:
        """Python drops what is raised in some callbacks: there the interrupt is raised again, later."""
        if not self.heard or not isinstance(what.exc_value, KeyboardInterrupt | SystemExit):
            self._hook(what)
        elif not self.over:
            threading.Thread(target=self._again, args=(self.heard[0],), daemon=True).start()

    def _again(self, number: int) -> None:
        self._closed.wait(_LOOK_EVERY)  # the callback is over by then
        if not self.over:
            self.heard.clear()
            signal.raise_signal(number)


def last_of_process(guard: Guard) -> None:
    """Keep the guard until the process ends: its work is done, and signals only hurry Python's own end."""
    guard.over = True
    with suppress(Exception):
        sys.stdout.flush()


def quiet_at_exit() -> None:
    """To be called early: the last thing that Python does at its exit is to ignore the signals.

    After that it takes its handlers away, and a signal would change the exit code of a finished script.
    """

    def ignore() -> None:
        for number in GUARDED:
            signal.signal(number, signal.SIG_IGN)

    atexit.register(ignore)


@contextmanager
def loading() -> Iterator[None]:
    """A script's imports: a signal in this block ends the process at once, quietly.

    Nothing has been written yet, and an exception in the middle of an import may be swallowed or turned
    into another one. Without effect outside of a script.
    """
    guard = _current
    if guard is None:
        yield
        return
    guard.loading += 1
    try:
        yield
    finally:
        guard.loading -= 1


@contextmanager
def unhurried() -> Iterator[None]:
    """A block that answers signals itself and takes as long as it needs, such as to save a run."""
    guard = _current
    if guard is None:
        yield
        return
    guard.unhurried += 1
    try:
        yield
    finally:
        guard.unhurried -= 1

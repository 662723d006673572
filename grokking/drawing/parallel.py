"""Processes that share the work of drawing and end with the one that started them.

They are those of joblib's executor (loky), not of Python's own: they do not run the main script again, so
that a script or notebook without a ``__main__`` guard can draw, too. One thing is added: without it a worker
whose parent was killed would wait for work for ever. ``joblib.Parallel`` is not used, since its workers stay
for five idle minutes after the last figure.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from joblib.externals.loky import ProcessPoolExecutor

from grokking.errors import UserError

Submit = Callable[..., "Future[Any]"]
SECONDS_BETWEEN_CHECKS = 0.5
"""How often a worker checks that its parent still lives."""


@contextmanager
def processes(jobs: int, begin: Callable[..., None], *arguments: Any) -> Iterator[Submit]:
    """``submit(function, *arguments)`` to one of ``jobs`` processes, each begun by ``begin(*arguments)``.

    Raises UserError if a process dies. What was submitted and has not begun when the block ends is
    dropped.
    """
    pool = ProcessPoolExecutor(jobs, initializer=_begin, initargs=(os.getpid(), begin, arguments))
    # Weak, or the results of every task would stay in memory.
    submitted: WeakSet[Future[Any]] = WeakSet()

    def submit(function: Callable[..., Any], *values: Any) -> "Future[Any]":
        future: Future[Any] = pool.submit(function, *values)
        submitted.add(future)
        return future

    try:
        yield submit
    except BrokenProcessPool as error:
        raise UserError(
            "a drawing process ended before its time, perhaps for want of memory; try --jobs 1"
        ) from error
    finally:
        # Not kill_workers: with tasks still queued, a thread of loky 3.5 fails then, with a traceback.
        for future in submitted:
            future.cancel()
        pool.shutdown()


def _begin(parent: int, begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    # Ctrl-C in a terminal reaches every process; only the parent acts on it, and drops their work.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    begin(*arguments)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_BETWEEN_CHECKS)
    os._exit(1)

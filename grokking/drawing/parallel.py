"""Processes that share the work of drawing and end with the one that started them."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from grokking.errors import UserError
from grokking.interrupts import deferred

Submit = Callable[..., "Future[Any]"]


@contextmanager
def processes(jobs: int, begin: Callable[..., None], *arguments: Any) -> Iterator[Submit]:
    """``submit(function, *arguments)`` to one of ``jobs`` processes, each begun by ``begin(*arguments)``.

    Raises UserError if a process dies. What was submitted and has not begun when the block ends is
    dropped.
    """
    # Started afresh, not forked: a fork would copy PyTorch's threads in the middle of something.
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, context, _begin, (begin, arguments))

    def submit(function: Callable[..., Any], *values: Any) -> "Future[Any]":
        with _uninterrupted():
            return pool.submit(function, *values)

    try:
        yield submit
    except BrokenProcessPool as error:
        raise UserError(
            "a drawing process ended before its time, perhaps for want of memory; try --jobs 1"
        ) from error
    finally:
        if sys.exc_info()[0] is not None:
            _end(set(multiprocessing.active_children()) - others)
        pool.shutdown(cancel_futures=True)


def _begin(begin: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where a mask does not reach, as on Windows
    begin(*arguments)
    # Not before: what is raised while a process begins would be shown to the user.
    signal.signal(signal.SIGTERM, _leave_work)


def _leave_work(number: int, _: Any) -> None:
    raise SystemExit(128 + number)


def _end(children: Iterable[multiprocessing.process.BaseProcess]) -> None:
    """The children leave what they are at, as an exception does: nothing half-written stays."""
    for child in children:
        child.terminate()


def _end_with_parent() -> None:
    """A pool whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Processes started in the block never hear Ctrl-C: only the parent does, after it, and ends them."""
    with deferred():
        if not hasattr(signal, "pthread_sigmask"):
            yield
            return
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # processes inherit it
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

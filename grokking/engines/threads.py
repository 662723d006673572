"""Threads that share one training step: each runs its own single-threaded matrix products.

Compiled kernels and matrix products release the interpreter lock, so threads suffice and nothing is
copied. One product per core beats one product over all cores here: the matrices are narrow.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import lru_cache

import torch

from grokking.interrupts import deferred

MOST_THREADS = 1024
"""More than any machine of ours has; far beyond, the system refuses to start them."""
_thread = threading.local()


class Workers:
    """``n`` threads that share work: the caller's own and ``n`` - 1 more."""

    def __init__(self, n: int) -> None:
        self.n = n
        self._together = threading.Lock()
        if n == 1:
            return
        self._pool = ThreadPoolExecutor(n - 1, initializer=_prepare_thread)
        # Start them now: a thread's first ``set_num_threads`` also changes this thread's count.
        with torch_threads(torch.get_num_threads()):
            self.run([lambda: time.sleep(0.01)] * n)

    def run(self, work: Sequence[Callable[[], None]]) -> None:
        """Run all pieces, every n-th in the same thread, and wait; one's exception is raised.

        If this thread is interrupted, the others finish the pieces they are at and begin no more.
        """
        given_up = threading.Event()
        others: list[Future[None]] = []
        try:
            for i in range(1, min(self.n, len(work))):
                others.append(self._pool.submit(run_in_turn, work[i :: self.n], given_up))
            # As in the other threads, so that the bits do not depend on who is asked.
            with flushed_denormals():
                if self.n == 1 or torch.get_num_threads() == 1:
                    run_in_turn(work[:: self.n])
                else:
                    with torch_threads(1):
                        run_in_turn(work[:: self.n])
        except BaseException:
            given_up.set()
            raise
        finally:
            wait(others)
        for other in others:
            other.result()

    def run_together(self, work: Sequence[Callable[[], None]]) -> None:
        """Run up to ``n`` pieces, all at the same time: they may wait for each other.

        An interrupt is heard when all have ended: if it kept one piece from beginning, the others would
        wait for that one for ever.
        """
        if len(work) > self.n:
            raise ValueError(f"{len(work)} pieces for {self.n} threads would wait for each other forever")
        if len(work) == 1:
            return self.run(work)
        # Those of two callers, mixed, could fill the threads with pieces that wait for ones not begun.
        with self._together, deferred():
            self.run(work)


def run_in_turn(work: Sequence[Callable[[], None]], given_up: threading.Event | None = None) -> None:
    """Run all pieces in this thread, or those before ``given_up`` is set."""
    for piece in work:
        if given_up is not None and given_up.is_set():
            return
        piece()


def _prepare_thread() -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    _thread.flushing = True


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Numbers below 1e-38 count as zero in this thread, and in threads it starts, for a block.

    Once a network is sure of its answers, most entries of the gradient are that small, and the
    processor takes a hundred times longer over each: a whole update becomes four times slower.
    """
    outermost = not getattr(_thread, "flushing", False)
    if outermost:
        _thread.flushing = torch.set_flush_denormal(True)
    try:
        yield
    finally:
        if outermost:
            torch.set_flush_denormal(False)
            _thread.flushing = False


@contextmanager
def torch_threads(n: int) -> Iterator[None]:
    """PyTorch's own thread count, for the operations of a block.

    Its idle threads spin for a while in the hope of more work; on all cores that slows our workers,
    so the compiled engine trains with one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def available_threads() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_threads() -> int:
    """Threads of one computation that was told no number: the processors, or fewer by ``OMP_NUM_THREADS``.

    Batch systems set that variable, and the libraries under PyTorch and NumPy obey it. On a busy machine one
    thread can be many times faster than two, which wait for each other at every step of a small network.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    most = int(asked) if asked.isascii() and asked.isdigit() and int(asked) else MOST_THREADS
    return min(available_threads(), most)


_limit: int | None = None


def limit_threads(n: int | None) -> int | None:
    """From now on ``shared_workers()`` of this process are ``n``, None: all processors.

    Returns the limit of before.
    """
    global _limit
    before, _limit = _limit, n
    return before


@contextmanager
def threads_limited(n: int) -> Iterator[None]:
    """``limit_threads`` for a block."""
    before = limit_threads(n)
    try:
        yield
    finally:
        limit_threads(before)


def shared_workers(n: int | None = None) -> Workers:
    """The workers of this process, made once for each ``n``: by default the limit, or ``default_threads``."""
    return _workers(n or _limit or default_threads(), os.getpid())


@lru_cache
def _workers(n: int, pid: int) -> Workers:  # noqa: ARG001
    # The process id is in the key because threads do not survive a fork.
    return Workers(n)

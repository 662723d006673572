"""Threads that share one training step: each runs its own single-threaded matrix products.

Compiled kernels and matrix products release the interpreter lock, so threads suffice and nothing is
copied. One product per core beats one product over all cores here: the matrices are narrow.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch


class Workers:
    """A fixed number of threads; ``n`` = 1 runs everything in the caller's."""

    def __init__(self, n: int) -> None:
        self.n = n
        threads = torch.get_num_threads()
        self._pool = ThreadPoolExecutor(n, initializer=torch.set_num_threads, initargs=(1,))
        # Start them now, and undo what the first ``set_num_threads`` did to this thread's count.
        self.run([lambda: None] * n)
        torch.set_num_threads(threads)

    def run(self, work: list[Callable[[], None]]) -> None:
        """Run all pieces and wait; the first exception among them is raised."""
        for done in [self._pool.submit(piece) for piece in work]:
            done.result()


def available_threads() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shared_workers(n: int | None = None) -> Workers:
    """The workers of this process, made once for each ``n``."""
    return _workers(n or available_threads(), os.getpid())


@lru_cache
def _workers(n: int, pid: int) -> Workers:
    # The process id is in the key because threads do not survive a fork.
    return Workers(n)

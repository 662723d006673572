"""Loaded into workers by tests (``dask worker --preload``): a line for every stretch of epochs computed.

    <process id> <run> <first update> <updates>        appended to the file that EPOCHS_LOG names

Every stretch takes EPOCHS_SECONDS at least, so that a run lasts long enough to be interrupted.
"""

import os
import time
from typing import Any

import numpy as np

from grokking.training import loop
from grokking.training.engines import SeparateTrainer


def install() -> None:
    """Count the epochs of this process from now on."""
    log, seconds = os.environ["EPOCHS_LOG"], float(os.environ["EPOCHS_SECONDS"])
    run, advance = loop._run, SeparateTrainer.advance
    name = ""

    def counted_run(states: Any, *rest: Any) -> None:
        nonlocal name
        name = states[0].directory.path.name
        run(states, *rest)

    def counted_advance(self: SeparateTrainer, n: int) -> np.ndarray:
        first = self.runs[0].parameters.n_updates
        time.sleep(seconds)
        losses = advance(self, n)
        # One write of one short line: those of several processes do not mix.
        with open(log, "ab", buffering=0) as file:
            file.write(f"{os.getpid()} {name} {first} {n}\n".encode())
        return losses

    loop._run, SeparateTrainer.advance = counted_run, counted_advance  # type: ignore[method-assign]


def dask_setup(_: Any) -> None:
    """What Dask calls when a worker starts."""
    install()

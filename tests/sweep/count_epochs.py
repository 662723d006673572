"""Loaded into workers by tests (``dask worker --preload``): a line for every stretch of epochs computed.

    <process id> <run> <first update> <updates>        appended to the file that EPOCHS_LOG names

Once EPOCHS_HOLD updates are done, a run stands still until the file EPOCHS_GO exists: a test that wants to
interrupt it there does not depend on how fast the machine is.
"""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from grokking.training import loop
from grokking.training.engines import SeparateTrainer


def install() -> None:
    """Count the epochs of this process from now on."""
    log, go = os.environ["EPOCHS_LOG"], Path(os.environ["EPOCHS_GO"])
    hold = int(os.environ["EPOCHS_HOLD"])
    run, advance = loop._run, SeparateTrainer.advance
    name = ""

    def counted_run(states: Any, *rest: Any) -> None:
        nonlocal name
        name = states[0].directory.path.name
        run(states, *rest)

    def counted_advance(self: SeparateTrainer, n: int) -> np.ndarray:
        first = self.runs[0].parameters.n_updates
        losses = advance(self, n)
        # One write of one short line: those of several processes do not mix.
        with open(log, "ab", buffering=0) as file:
            file.write(f"{os.getpid()} {name} {first} {n}\n".encode())
        while first + n >= hold and not go.exists():
            time.sleep(0.02)
        return losses

    loop._run, SeparateTrainer.advance = counted_run, counted_advance  # type: ignore[method-assign]


def dask_setup(_: Any) -> None:
    """What Dask calls when a worker starts."""
    install()

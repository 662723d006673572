"""What tests put into workers: a line for every stretch of epochs computed, and a halt in the middle.

    <process id> <run> <first update> <updates>        appended to a log

Once so many updates are done, a run stands still until a file exists: a test that wants to interrupt it
there does not depend on how fast the machine is. Dask loads this file into its workers (``dask worker
--preload``; EPOCHS_LOG, EPOCHS_GO and EPOCHS_HOLD say what and where); to processes it comes with the work.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from grokking.engines.choose import SeparateTrainer
from grokking.sweep.worker import RunJob, RunResult, make_run
from grokking.training import loop
from grokking.training.state import RunState

_installed = False


def install(log: Path, go: Path, hold: int) -> None:
    """Count the epochs of this process from now on; halt a run at ``hold`` updates until ``go`` exists."""
    global _installed
    if _installed:
        return
    _installed = True
    begin, advance = loop.resume_or_begin, SeparateTrainer.advance
    name = ""

    def named_begin(state: RunState, about: Mapping[str, Any]) -> None:
        nonlocal name
        name = state.directory.path.name
        begin(state, about)

    def counted_advance(self: SeparateTrainer, n: int) -> np.ndarray:
        first = self.runs[0].parameters.n_updates
        losses = advance(self, n)
        # One write of one short line: those of several processes do not mix.
        with open(log, "ab", buffering=0) as file:
            file.write(f"{os.getpid()} {name} {first} {n}\n".encode())
        while first + n >= hold and not go.exists():
            time.sleep(0.02)
        return losses

    loop.resume_or_begin, SeparateTrainer.advance = named_begin, counted_advance  # type: ignore[method-assign]


def counted_make_run(log: Path, go: Path, hold: int, order: RunJob) -> RunResult:
    """``make_run`` in a process that counts."""
    install(log, go, hold)
    return make_run(order)


def dask_setup(_: Any) -> None:
    """What Dask calls when a worker starts."""
    install(Path(os.environ["EPOCHS_LOG"]), Path(os.environ["EPOCHS_GO"]), int(os.environ["EPOCHS_HOLD"]))


def counted(log: Path) -> list[tuple[int, str, int, int]]:
    """(process, run, first update, updates) so far."""
    text = log.read_text() if log.exists() else ""
    fields = (line.split() for line in text.splitlines())
    return [(int(pid), name, int(first), int(n)) for pid, name, first, n in fields]

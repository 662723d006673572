"""Many short runs in one process: does memory grow with them?"""

import ctypes
import gc
import json
import os
import shutil
import statistics
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.children import done
from benchmarks.reliability.work import DENSE, trained
from grokking.runs.run import Run

WARM_UP = 0.2
"""Share of the runs that are not counted: caches fill at first."""


@dataclass(frozen=True)
class Soak:
    """By least squares over the later runs, in KiB per run with standard errors: resident, the growth
    of resident memory; in_use, that of what is allocated (without what the allocator keeps in reserve).

    saves: of checkpoints.  first, last: resident MiB at the ends of that stretch.
    handles: open files more at the end.
    """

    runs: int
    saves: int
    resident: tuple[float, float]
    in_use: tuple[float, float]
    first: float
    last: float
    handles: int


def soak(scratch: Path, runs: int) -> Soak:
    """Train and open ``runs`` runs in one child process, weighing it after each."""
    log = scratch / "soak.json"
    ended = done(lambda: _work(scratch / "soak", runs, log), scratch / "soak.log")
    if ended.code:
        raise RuntimeError(ended.said)
    memory, used, handles = (column[int(WARM_UP * runs) :] for column in json.loads(log.read_text()))
    saves = runs * (DENSE.n_epochs + 1)
    return Soak(
        runs,
        saves,
        fitted(memory),
        fitted(used),
        memory[0] / 1024,
        memory[-1] / 1024,
        handles[-1] - handles[0],
    )


def _work(folder: Path, runs: int, log: Path) -> None:
    memory, used, handles = [], [], []
    for _ in range(runs):
        shutil.rmtree(folder, ignore_errors=True)
        trained(DENSE, folder)
        run = Run(folder)
        _ = run.history, run.observe(run.final_epoch)
        gc.collect()
        memory.append(_resident_kib())
        used.append(_allocated_kib())
        handles.append(len(os.listdir("/proc/self/fd")))
    log.write_text(json.dumps([memory, used, handles]))


def _resident_kib() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


class _MallInfo(ctypes.Structure):
    """What glibc says of its heap; uordblks are the bytes in use."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


def _allocated_kib() -> int:
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _MallInfo
    info = mallinfo()
    return (info.uordblks + info.hblkhd) // 1024


def fitted(values: list[int]) -> tuple[float, float]:
    """Slope per step of a straight line, and its standard error."""
    steps = range(len(values))
    slope, start = statistics.linear_regression(steps, values)
    rest = [value - start - slope * step for step, value in zip(steps, values, strict=True)]
    spread = sum((step - statistics.mean(steps)) ** 2 for step in steps)
    return slope, (sum(r * r for r in rest) / (len(values) - 2) / spread) ** 0.5

"""What safety costs: fsync, digests and the manifest, against the same work without them.

Measured in two ways: on single saves of a default run, which is exact, and on short runs that save as
often per update as a default run does, which leaves nothing out. Both alternate.
"""

import os
import shutil
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import torch

from benchmarks.step import update
from grokking.config import RunConfig
from grokking.engines.parameters import Parameters
from grokking.from_config import initial_weights, shape_of, split_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import measure_row
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.checksummed_dir import ChecksummedDir, Manifest
from grokking.storage.run_directory import RunDirectory
from grokking.tasks.modular import make_task
from grokking.training.disk_check import most_checkpoints
from grokking.training.loop import Execution, Job, train
from grokking.training.state import History

UPDATES = 20
_EMPTY = Manifest()


@dataclass(frozen=True)
class Compared:
    """Medians of the time with safety and without; safety's share, a median with its range."""

    safe: float
    unsafe: float
    share: float
    low: float
    high: float


def _compared(safe: Sequence[float], unsafe: Sequence[float], share: Sequence[float]) -> dict[str, float]:
    """The fields of ``Compared``."""
    middle = statistics.median
    return {
        "safe": middle(safe),
        "unsafe": middle(unsafe),
        "share": middle(share),
        "low": min(share),
        "high": max(share),
    }


@dataclass(frozen=True)
class Saving(Compared):
    """One save, and ``update``, in milliseconds over ``rounds``; what safety's part of the ``saves`` of a
    default run takes, as a share of the time of its updates.
    """

    rounds: int
    saves: int
    update: float


def saving(scratch: Path, rounds: int) -> Saving:
    """Interleaved: in every round a safe save, an unsafe save and some updates of the default run."""
    config = RunConfig()
    saves, history = most_checkpoints(config), _long_history(config)
    folders = {name: _filled(scratch / f"cost_{name}", config, saves) for name in ("safe", "unsafe")}
    advance = update(config, "numba")
    advance()
    safe, unsafe, updates = [], [], []
    for i in range(rounds + 1):
        epoch = config.n_epochs - rounds - 1 + i
        safe.append(1e3 * _timed_save(folders["safe"], config, epoch, history))
        with _without_safety():
            unsafe.append(1e3 * _timed_save(folders["unsafe"], config, epoch, history))
        began = time.perf_counter()
        for _ in range(UPDATES):
            advance()
        updates.append(1e3 * (time.perf_counter() - began) / UPDATES)
    safe, unsafe, updates = safe[1:], unsafe[1:], updates[1:]
    for directory in folders.values():
        shutil.rmtree(directory.path)
    share = [saves * (a - b) / (config.n_epochs * u) for a, b, u in zip(safe, unsafe, updates, strict=True)]
    return Saving(
        **_compared(safe, unsafe, share), rounds=rounds, saves=saves, update=statistics.median(updates)
    )


@dataclass(frozen=True)
class WholeRuns(Compared):
    """Runs of so many ``updates`` and ``saves``, in seconds over ``pairs``; what safety adds to a run, as a
    share of the one without.
    """

    pairs: int
    updates: int
    saves: int


def whole_runs(scratch: Path, pairs: int) -> WholeRuns:
    """Short runs of the default config in turn, each first in every other pair."""
    default = RunConfig()
    per_save = round(default.n_epochs / most_checkpoints(default), -1)
    config = replace(
        default, n_epochs=int(2 * per_save), checkpoint_every=int(2 * per_save), checkpoint_density="few"
    )
    _timed_run(scratch / "cost_run", replace(config, n_epochs=10), True)  # compiles, and fills caches
    times: dict[bool, list[float]] = {True: [], False: []}
    for i in range(pairs):
        for safely in (i % 2 == 0, i % 2 == 1):
            times[safely].append(_timed_run(scratch / "cost_run", config, safely))
    share = [a / b - 1 for a, b in zip(times[True], times[False], strict=True)]
    return WholeRuns(
        **_compared(times[True], times[False], share), pairs=pairs, updates=config.n_epochs, saves=2
    )


def _timed_run(folder: Path, config: RunConfig, safely: bool) -> float:
    shutil.rmtree(folder, ignore_errors=True)
    with nullcontext() if safely else _without_safety():
        began = time.perf_counter()
        train([Job(config, RunDirectory(folder))], Execution(), shown=False)
        seconds = time.perf_counter() - began
    shutil.rmtree(folder)
    return seconds


def _long_history(config: RunConfig) -> dict:
    """A history as long as that of the whole run, of one row again and again."""
    task = make_task(config.p, config.task)
    acts = ActivationCache(initial_weights(config), shape_of(config), task)
    row, history = measure_row(acts, split_of(config, task)), History()
    for epoch in range(0, config.n_epochs + 1, config.log_every):
        history.append(epoch, row)
    return history.record(config, {})


def _state(config: RunConfig, epoch: int) -> Checkpoint:
    parameters = Parameters(config, initial_weights(config), torch.device("cpu"))
    return Checkpoint(epoch, parameters.weights, config, "schedule", parameters.optimiser_state(), {})


def _filled(folder: Path, config: RunConfig, n: int) -> RunDirectory:
    """A run directory that holds as many checkpoints as a default run has near its end."""
    shutil.rmtree(folder, ignore_errors=True)
    directory = RunDirectory(folder)
    directory.create(config, {})
    with _without_safety():
        state = _state(config, 0)
        state.optimiser = {}
        for epoch in range(n):
            state.epoch = epoch
            directory.path.joinpath(directory.checkpoint_path(epoch).name).write_bytes(state.to_bytes())
    directory.files.forget()
    directory.create(config, {})  # lists them all
    return directory


def _timed_save(directory: RunDirectory, config: RunConfig, epoch: int, history: dict) -> float:
    state = _state(config, epoch)
    with directory.writing():
        began = time.perf_counter()
        directory.save(state, history)
        return time.perf_counter() - began


@contextmanager
def _without_safety() -> Iterator[None]:
    """No fsync, no digest, no manifest."""
    with (
        mock.patch.object(os, "fsync"),
        mock.patch("grokking.storage.checksummed_dir.digest", return_value=""),
        mock.patch.object(ChecksummedDir, "_manifest", return_value=_EMPTY),
        mock.patch.object(ChecksummedDir, "_as_it_is", return_value=_EMPTY),
        mock.patch.object(ChecksummedDir, "_write"),
    ):
        yield

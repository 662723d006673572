"""What a worker does: one run of a sweep, wherever the worker is."""

import os
import platform
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grokking.config import RunConfig
from grokking.errors import DamagedFile, Occupied, Stopped, UserError, os_errors_as
from grokking.interrupts import deferred
from grokking.storage.locking import acquire, release
from grokking.storage.run_directory import RunDirectory
from grokking.training.launch import Request, start_runs
from grokking.training.loop import Execution
from grokking.training.training_monitor import TrainingMonitor

COMPLETE, ELSEWHERE, STOPPED, FAILED, CRASHED = "complete", "elsewhere", "stopped", "failed", "crashed"
CLAIMS = ".claims"
"""Folder next to the runs. Its files are empty; a lock on one means that its run is being trained."""

MAKE_ANEW = "move or delete the directory, and the same sweep trains the run again"

_one_run_at_a_time = threading.Lock()
"""PyTorch's thread count and its handling of denormals belong to the process, not to a thread."""


@dataclass(frozen=True)
class RunJob:
    """One run to train. It holds plain values only, since it is sent to the worker.

    folder: absolute, visible to every worker.  until_grokked: stop the run once its grokking epoch
    is certain.  stop_file: once it exists, runs are saved and stopped.  parent: process whose
    end ends the worker's run too, None where the worker belongs to a cluster.
    """

    folder: str
    name: str
    config: RunConfig
    until_grokked: bool
    execution: Execution
    command: tuple[str, ...]
    stop_file: str
    parent: int | None = None

    @property
    def directory(self) -> RunDirectory:
        """Where the run lies."""
        return RunDirectory(Path(self.folder) / self.name)

    def should_stop(self) -> bool:
        """Whether the sweep was asked to stop, or its process has ended."""
        orphaned = self.parent not in (None, os.getpid(), os.getppid())
        return orphaned or os.path.exists(self.stop_file)


@dataclass(frozen=True)
class RunResult:
    """What became of an order.

    state: "complete"; "elsewhere" if another worker is making the run; "stopped" by a signal or by
    the sweep; "failed" by a mistake of the user's; "crashed" by one of ours.
    """

    name: str
    state: str
    grokking_epoch: int | None = None
    epoch: int = 0
    seconds: float = 0.0
    message: str = ""


def make_run(job: RunJob) -> RunResult:
    """Make or continue a run, unless it is complete or someone else is at it.

    Nothing is raised: a sweep must not end because one of its runs does.
    """
    began = time.monotonic()
    try:
        with _one_run_at_a_time, claimed(job.folder, job.name) as mine:
            if not mine:
                return RunResult(job.name, ELSEWHERE)
            if job.should_stop():
                return RunResult(job.name, STOPPED)
            if not is_complete(job):
                _train(job)
            return outcome_of(job, time.monotonic() - began)
    except Stopped as stop:
        return RunResult(job.name, STOPPED, message=str(stop))
    except KeyboardInterrupt:  # before the first epoch, as while compiling
        return RunResult(job.name, STOPPED)
    except Occupied as error:
        return RunResult(job.name, FAILED, message=f"{error.fact}; {MAKE_ANEW}")
    except DamagedFile as error:
        return RunResult(job.name, FAILED, message=f"{error}; {MAKE_ANEW}")
    except UserError as error:
        return RunResult(job.name, FAILED, message=str(error))
    except Exception:
        return RunResult(job.name, CRASHED, message=traceback.format_exc())


def _train(job: RunJob) -> None:
    start_runs(
        {job.name: job.config},
        Request(
            Path(job.folder),
            execution=job.execution,
            command=job.command,
            until_grokked=job.until_grokked,
            shown=False,
            should_stop=job.should_stop,
        ),
    )


def outcome_of(job: RunJob, seconds: float = 0.0) -> RunResult:
    """The outcome of a run that is complete; raises UserError if its config or history cannot be read."""
    job.directory.config()
    history = job.directory.history()
    return RunResult(job.name, COMPLETE, history.get("grokking_epoch"), job.directory.epochs()[-1], seconds)


def is_complete(job: RunJob) -> bool:
    """Whether nothing is left to do: all epochs are done or, where that is enough, it has grokked.

    The newest checkpoint says so; one that is damaged is not believed, nor one whose save was begun and
    not finished: older checkpoints may still wait to shrink.
    """
    epochs = job.directory.epochs()
    if not job.directory.exists() or not epochs or job.directory.files.unsettled:
        return False
    try:
        newest = job.directory.load(epochs[-1])
        certain = "clocks" in newest.watch and TrainingMonitor.from_dict(newest.watch).certain
    except (DamagedFile, ValueError):
        return False
    if newest.epoch >= job.config.n_epochs:
        return newest.epoch > job.config.n_epochs or newest.kept != ""
    return job.until_grokked and certain and newest.epoch % newest.config.log_every == 0


@contextmanager
def claimed(folder: str, name: str) -> Iterator[bool]:
    """Whether this worker, and no other, may make the run for as long as the block lasts.

    A lock of the system's (``grokking.storage.locking``): it ends with the process, however that ends, and
    holds between machines that share a folder over NFS.

    Raises UserError if the sweep's folder is not there, or cannot be written.
    """
    path, handle = Path(folder) / CLAIMS / name, None
    try:
        with deferred():
            handle = _take(path)
        yield handle is not None
    finally:
        if handle is not None:
            with deferred():
                release(path, handle)


def _take(path: Path) -> int | None:
    folder = path.parent
    while True:
        try:
            # A sweep that ends removes the folder of claims when it is empty.
            with os_errors_as(f"write {path}"):
                folder.mkdir(exist_ok=True)
            return acquire(path)
        except UserError as error:
            if folder.parent.is_dir() and not folder.is_dir():
                continue
            raise UserError(
                f"{error}, on {platform.node()}; every worker must see the sweep's folder under the same path"
            ) from error

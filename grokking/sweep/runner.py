"""A sweep from its start, or from wherever it was left, to its end."""

import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from grokking.config import RunConfig, differing_keys
from grokking.engines.choose import choose_device, engine_name
from grokking.errors import Stopped, UserError
from grokking.from_config import split_of, task_of
from grokking.storage.atomic_io import folder_for, make_folder
from grokking.storage.run_directory import RunDirectory, run_path
from grokking.sweep.executors import ExecutorConfig, Pool, WorkersDied, open_pool
from grokking.sweep.progress import SweepProgress
from grokking.sweep.tables import counted
from grokking.sweep.worker import (
    CLAIMS,
    COMPLETE,
    CRASHED,
    ELSEWHERE,
    FAILED,
    RunJob,
    RunResult,
    is_complete,
    outcome_of,
)
from grokking.training.loop import Execution
from grokking.training.signals import graceful_shutdown

SECONDS_BETWEEN_PASSES = 2.0
MOST_DEATHS = 3
"""Times in a row that workers may die without any run being finished in between."""
SHOWN_FAILURES = 5


@dataclass(frozen=True)
class Sweep:
    """What a person asked for. runs: configs by name.  folder: will hold a directory for each."""

    runs: Mapping[str, RunConfig]
    folder: Path
    until_grokked: bool = True
    where: ExecutorConfig = field(default_factory=ExecutorConfig)
    device: str = "auto"
    engine: str = "auto"
    command: Sequence[str] = ()


def run_sweep(sweep: Sweep) -> Path:
    """Make every run that is not complete yet; returns the folder.

    A sweep that was ended, in whatever way, is continued by asking for it again. Several may work on
    one folder: no run is made by two.

    Raises UserError before any work for what cannot work, and at the end if runs failed; Stopped
    after a signal, when all runs under way are saved.
    """
    check(sweep)
    with _folder_for_runs(sweep.folder):
        return _make_runs(sweep)


@contextmanager
def _folder_for_runs(folder: Path) -> Iterator[None]:
    """The sweep's folder and the one of its claims; what is still empty at the end goes again."""
    claims = folder / CLAIMS
    with folder_for(folder):
        make_folder(claims)
        try:
            yield
        finally:
            with suppress(OSError):  # it stays while another sweep has a claim in it
                claims.rmdir()


def _make_runs(sweep: Sweep) -> Path:
    stop_file = sweep.folder.resolve() / CLAIMS / f"stop-{secrets.token_hex(8)}"
    jobs = _orders(sweep, stop_file)

    def ask_workers_to_stop() -> None:
        make_folder(stop_file.parent)  # another sweep of this folder may have ended, and removed it
        stop_file.touch()

    try:
        with graceful_shutdown(ask_workers_to_stop) as caught, SweepProgress(len(jobs)) as progress:
            waiting = _skip_complete(jobs, progress)
            failures: list[RunResult] = []
            if waiting:
                with open_pool(sweep.where) as pool:
                    failures = Passes(pool, waiting, progress, caught).run()
            if caught:
                raise Stopped(caught[0])
    finally:
        stop_file.unlink(missing_ok=True)
    _raise_failures(failures)
    return sweep.folder


def check(sweep: Sweep) -> None:
    """Raises UserError for a sweep of which some run could not even begin, or is another in truth."""
    sweep.where.check()
    if sweep.where.local:
        choose_device(sweep.device)
    engine_name(sweep.engine)
    seen = set()
    for name, config in sweep.runs.items():
        whatever_the_seed = replace(config, seed=0)
        if whatever_the_seed not in seen:
            split_of(config, task_of(config))
            seen.add(whatever_the_seed)
        directory = RunDirectory(run_path(sweep.folder, name))
        try:
            other = directory.config()
        except UserError:  # none yet, or damaged, which is that run's failure and not the others'
            continue
        if differing := differing_keys(config, other):
            keys = ", ".join(f"{k} = {other.get(k)!r}, not {config.get(k)!r}" for k in differing)
            raise UserError(
                f"{directory.path} contains a run with another config ({keys}); "
                "repeat that config, or give another --output_dir"
            )


def _orders(sweep: Sweep, stop_file: Path) -> list[RunJob]:
    execution = Execution(sweep.device, sweep.engine, sweep.where.n_threads)
    parent = os.getpid() if sweep.where.local else None
    return [
        RunJob(
            str(sweep.folder.resolve()),
            name,
            config,
            sweep.until_grokked,
            execution,
            tuple(sweep.command),
            str(stop_file),
            parent,
        )
        for name, config in sweep.runs.items()
    ]


def _skip_complete(jobs: Sequence[RunJob], progress: SweepProgress) -> list[RunJob]:
    """The jobs that remain; the others are reported as done."""
    waiting = []
    for job in jobs:
        try:
            done = outcome_of(job) if is_complete(job) else None
        except UserError:  # damaged; the worker finds the same and tells
            done = None
        if done is None:
            waiting.append(job)
        else:
            progress.count(done)
    return waiting


class Passes:
    """Hands orders to the pool until none is left: runs that others were making, and those whose
    workers died, come round again.
    """

    def __init__(
        self, pool: Pool, jobs: Sequence[RunJob], progress: SweepProgress, caught: list[int]
    ) -> None:
        self.pool, self.progress, self.caught = pool, progress, caught
        self.waiting = {job.name: job for job in jobs}
        self.failures: list[RunResult] = []
        self.deaths = 0
        self.elsewhere: set[str] = set()
        self.told_of_others = False

    def run(self) -> list[RunResult]:
        """Returns the outcomes of runs that failed."""
        while self.waiting and not self.caught:
            before = len(self.waiting)
            self.elsewhere.clear()
            try:
                for result in self.pool(list(self.waiting.values())):
                    self._take(result)
            except WorkersDied:
                self._count_death(len(self.waiting) < before)
            if self.elsewhere and self.elsewhere == set(self.waiting) and not self.caught:
                self._wait_for_others()
        return self.failures

    def _take(self, result: RunResult) -> None:
        if result.state in (COMPLETE, FAILED, CRASHED):
            del self.waiting[result.name]
            self.progress.count(result)
        if result.state == ELSEWHERE:
            self.elsewhere.add(result.name)
        if result.state in (FAILED, CRASHED):
            self.failures.append(result)

    def _count_death(self, progressed: bool) -> None:
        if self.caught:
            return
        self.deaths = 1 if progressed else self.deaths + 1
        if self.deaths == MOST_DEATHS:
            raise UserError(
                f"workers died {MOST_DEATHS} times without finishing a run (killed? out of "
                f"memory?); try fewer --jobs. Everything up to the newest checkpoints is saved"
            )
        self.progress.say("a worker died; its run resumes from its newest checkpoint")

    def _wait_for_others(self) -> None:
        if not self.told_of_others:
            self.told_of_others = True
            self.progress.say(f"waiting for runs that another sweep is training: {len(self.waiting)}")
        pause()


def pause() -> None:
    """Let other sweeps work for a while before their runs are looked at again."""
    time.sleep(SECONDS_BETWEEN_PASSES)


def _raise_failures(failures: Sequence[RunResult]) -> None:
    crashed = [result for result in failures if result.state == CRASHED]
    if crashed:
        raise RuntimeError(
            f"{counted(len(crashed), 'run')} crashed, of which {crashed[0].name}:\n{crashed[0].message}"
        )
    if failures:
        listed = "; ".join(f"{result.name}: {result.message}" for result in failures[:SHOWN_FAILURES])
        more = f"; and {len(failures) - SHOWN_FAILURES} more" if len(failures) > SHOWN_FAILURES else ""
        raise UserError(f"{counted(len(failures), 'run')} failed, all others are done: {listed}{more}")

"""A sweep on processes of this machine, one of which is killed in the middle of its run."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor

from grokking.errors import UserError
from grokking.storage.run_directory import RunDirectory
from grokking.sweep import executors as pool
from grokking.sweep import runner
from grokking.sweep.executors import ExecutorConfig, WorkersDied
from grokking.sweep.grid import run_name
from grokking.sweep.progress import SweepProgress
from grokking.sweep.runner import Sweep, run_sweep
from grokking.sweep.worker import CLAIMS, COMPLETE, RunJob, RunResult
from grokking.training.loop import Execution, Job, train
from tests.sweep.count_epochs import counted, counted_make_run
from tests.sweep.handmade import NEVER
from tests.waiting import wait_until

HELD = 70
"""Updates: past a run's first kept weights (50) and short of its next (100)."""


@pytest.fixture
def _workers_end() -> Iterator[None]:
    """No worker outlives its test."""
    yield
    get_reusable_executor().shutdown(wait=True)


def both_held(log: Path) -> dict[int, str]:
    """Runs by process once two stand in the middle of theirs; nothing before."""
    held = {pid: name for pid, name, first, n in counted(log) if first + n >= HELD}
    return held if len(held) == 2 else {}


def kill_a_worker(log: Path, go: Path, folder: Path, killed: list[tuple[int, str, int]]) -> None:
    """SIGKILL to a worker when both stand in the middle of their runs; then all may go on.

    killed: becomes its process, its run and the newest epoch that was kept of that.
    """
    try:
        held = wait_until(lambda: both_held(log))
        victim, name = next(iter(held.items()))
        newest = RunDirectory(folder / name).epochs()[-1]
        os.kill(victim, signal.SIGKILL)
        killed.append((victim, name, newest))
    finally:
        go.touch()


@pytest.mark.slow
@pytest.mark.usefixtures("_workers_end")
def test_a_killed_process_loses_nothing(
    tmp_path: Path,
    results: Callable[[Path], dict[str, bytes]],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configs = [replace(NEVER, n_epochs=n, seed=seed) for n, seed in ((120, 0), (160, 2))]
    folder, log, go = tmp_path / "sweep", tmp_path / "log", tmp_path / "go"
    monkeypatch.setattr(pool, "make_run", partial(counted_make_run, log, go, HELD))
    killed: list[tuple[int, str, int]] = []
    killer = threading.Thread(target=kill_a_worker, args=[log, go, folder, killed], daemon=True)
    killer.start()
    run_sweep(Sweep({run_name(c): c for c in configs}, folder, where=ExecutorConfig(jobs=2, threads=1)))
    killer.join()
    [(victim, run, newest)] = killed
    resumed = [first for pid, name, first, _ in counted(log) if name == run and pid != victim]
    assert resumed[0] == newest == 50
    stderr = capsys.readouterr().err
    assert "a worker died; its run resumes from its newest checkpoint" in stderr
    assert "2/2" in stderr
    for config in configs:
        alone = RunDirectory(tmp_path / "alone" / run_name(config))
        train([Job(config, alone)], Execution(threads=1), shown=False)
        assert results(folder / run_name(config)) == results(alone.path)


def orders(folder: Path, n: int) -> list[RunJob]:
    (folder / CLAIMS).mkdir()
    configs = [replace(NEVER, seed=seed) for seed in range(n)]
    return [RunJob(str(folder), run_name(c), c, True, Execution(), (), "stop") for c in configs]


def test_workers_that_keep_dying_end_the_sweep(tmp_path: Path) -> None:
    asked = []

    def pool(waiting: list[RunJob]) -> Iterator[RunResult]:
        asked.append(len(waiting))
        if len(asked) == 2:
            yield RunResult(waiting[0].name, COMPLETE)
        raise WorkersDied

    with SweepProgress(4) as progress, pytest.raises(UserError, match="workers died 3 times .*fewer --jobs"):
        runner.Passes(pool, orders(tmp_path, 4), progress, []).run()
    assert asked == [4, 4, 3, 3]  # the run that was finished in between bought two more passes


def test_a_death_after_a_signal_is_the_end_that_was_asked_for(tmp_path: Path) -> None:
    caught: list[int] = []

    def pool(waiting: list[RunJob]) -> Iterator[RunResult]:
        caught.append(signal.SIGINT)
        raise WorkersDied
        yield RunResult(waiting[0].name, COMPLETE)

    with SweepProgress(2) as progress:
        assert runner.Passes(pool, orders(tmp_path, 2), progress, caught).run() == []

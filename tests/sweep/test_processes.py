"""A sweep on processes of this machine, one of which is killed in the middle of its run."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from joblib.externals.loky import get_reusable_executor

from grokking.errors import UserError
from grokking.runs import RunDirectory
from grokking.sweep import runner
from grokking.sweep.grid import run_name
from grokking.sweep.pool import Where, WorkersDied
from grokking.sweep.progress import SweepProgress
from grokking.sweep.runner import Sweep, run_sweep
from grokking.sweep.work import CLAIMS, COMPLETE, Order, Outcome
from grokking.training.loop import Execution, Job, train
from tests.sweep.handmade import NEVER

PATIENCE = 900.0


@pytest.fixture
def _workers_end() -> Iterator[None]:
    """No worker outlives its test."""
    yield
    get_reusable_executor().shutdown(wait=True)


def kill_a_worker(path: Path) -> None:
    """SIGKILL to a worker once the run in ``path`` has kept its first weights after the start."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if RunDirectory(path).epochs()[1:]:
            os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
            return
        time.sleep(0.005)


@pytest.mark.usefixtures("_workers_end")
def test_a_killed_process_loses_nothing(
    tmp_path: Path, results: Callable[[Path], dict[str, bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    # Long enough that its end is far when the first weights are seen, on a busy machine, too.
    configs = [replace(NEVER, n_epochs=n, seed=seed) for n, seed in ((2000, 0), (160, 2))]
    folder = tmp_path / "sweep"
    killer = threading.Thread(target=kill_a_worker, args=[folder / run_name(configs[0])])
    killer.start()
    run_sweep(Sweep({run_name(c): c for c in configs}, folder, where=Where(jobs=2, threads=1)))
    killer.join()
    said = capsys.readouterr().err
    assert "a worker died; its run goes on from its newest checkpoint" in said
    assert "2/2" in said
    for config in configs:
        alone = RunDirectory(tmp_path / "alone" / run_name(config))
        train([Job(config, alone)], Execution(threads=1), shown=False)
        assert results(folder / run_name(config)) == results(alone.path)


def orders(folder: Path, n: int) -> list[Order]:
    (folder / CLAIMS).mkdir()
    configs = [replace(NEVER, seed=seed) for seed in range(n)]
    return [Order(str(folder), run_name(c), c, True, Execution(), (), "stop") for c in configs]


def test_workers_that_keep_dying_end_the_sweep(tmp_path: Path) -> None:
    asked = []

    def pool(waiting: list[Order]) -> Iterator[Outcome]:
        asked.append(len(waiting))
        if len(asked) == 2:
            yield Outcome(waiting[0].name, COMPLETE)
        raise WorkersDied

    with SweepProgress(4) as progress, pytest.raises(UserError, match="workers died 3 times .*fewer --jobs"):
        runner._Passes(pool, orders(tmp_path, 4), progress, []).run()
    assert asked == [4, 4, 3, 3]  # the run that was finished in between bought two more passes


def test_a_death_after_a_signal_is_the_end_that_was_asked_for(tmp_path: Path) -> None:
    caught: list[int] = []

    def pool(waiting: list[Order]) -> Iterator[Outcome]:
        caught.append(signal.SIGINT)
        raise WorkersDied
        yield Outcome(waiting[0].name, COMPLETE)

    with SweepProgress(2) as progress:
        assert runner._Passes(pool, orders(tmp_path, 2), progress, caught).run() == []

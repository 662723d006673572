"""Sweeps that are not alone: a run is made once, whoever asks for it, and a signal loses nothing."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grokking.errors import Stopped
from grokking.storage.run_directory import RunDirectory
from grokking.sweep import runner
from grokking.sweep.grid import run_name
from grokking.sweep.runner import run_sweep
from grokking.sweep.worker import CLAIMS, ELSEWHERE, FAILED, RunJob, RunResult, claimed, is_complete, make_run
from grokking.training import loop
from tests.sweep.handmade import NEVER, order, sweep, trained_alone

Contents = Callable[[Path], dict[str, bytes]]


def test_a_claim_is_granted_once(tmp_path: Path) -> None:
    (tmp_path / CLAIMS).mkdir()
    with claimed(str(tmp_path), "run") as first, claimed(str(tmp_path), "run") as second:
        assert (first, second) == (True, False)
    with claimed(str(tmp_path), "run") as again:
        assert again


def test_a_run_that_another_makes_is_left_to_it(tmp_path: Path) -> None:
    job = order(tmp_path, NEVER)
    with claimed(job.folder, job.name):
        assert make_run(job) == RunResult(job.name, ELSEWHERE)
    assert not job.directory.exists()


def test_a_sweep_waits_for_the_runs_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other makes it: nothing is left to do. The other dies: its run is taken over."""
    job, claim = order(tmp_path, NEVER), claimed(str(tmp_path), run_name(NEVER))
    waits = 0

    def die_in_the_second_wait() -> None:
        nonlocal waits
        waits += 1
        assert not job.directory.exists()
        if waits == 2:
            claim.__exit__(None, None, None)

    monkeypatch.setattr(runner, "pause", die_in_the_second_wait)
    claim.__enter__()
    run_sweep(sweep(tmp_path, NEVER))
    assert waits == 2
    assert is_complete(job)


def test_a_worker_that_does_not_see_the_folder_says_so(tmp_path: Path) -> None:
    elsewhere = replace(order(tmp_path, NEVER), folder=str(tmp_path / "not shared"))
    outcome = make_run(elsewhere)
    assert outcome.state == FAILED
    assert "every worker must see the sweep's folder" in outcome.message


# The end by a signal


@pytest.mark.parametrize(
    "number, asked_at_the_end, reached", [(signal.SIGTERM, 4, 30), (signal.SIGINT, 7, 60)]
)
def test_a_signal_saves_the_run_and_the_sweep_goes_on(
    number: int,
    asked_at_the_end: int,
    reached: int,
    tmp_path: Path,
    results: Contents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second comes too late for the run, which ends by itself, but not for the sweep."""
    asked, real = 0, RunJob.should_stop

    def kill_at(self: RunJob) -> bool:
        nonlocal asked
        asked, answer = asked + 1, real(self)
        if asked == asked_at_the_end:
            os.kill(os.getpid(), number)
        return answer

    monkeypatch.setattr(RunJob, "should_stop", kill_at)
    # Asked every ten epochs, however slow they are: otherwise "the fourth time" is another epoch.
    monkeypatch.setattr(loop, "SECONDS_TO_A_STOP", 1e9)
    other = replace(NEVER, seed=5)
    with pytest.raises(Stopped, match=signal.Signals(number).name) as stop:
        run_sweep(sweep(tmp_path, NEVER, other))
    assert stop.value.exit_code == 128 + number
    assert RunDirectory(tmp_path / run_name(NEVER)).epochs()[-1] == reached
    assert not (tmp_path / run_name(other)).exists()
    monkeypatch.undo()
    run_sweep(sweep(tmp_path, NEVER, other))
    for config in (NEVER, other):
        alone = trained_alone(config, tmp_path / f"alone{config.seed}")
        assert results(tmp_path / run_name(config)) == results(alone)
    assert not list((tmp_path / CLAIMS).glob("stop-*"))


def test_a_worker_stops_when_it_is_told_or_left_alone(tmp_path: Path) -> None:
    job = order(tmp_path, NEVER)
    assert not job.should_stop()
    assert not replace(job, parent=os.getpid()).should_stop()
    assert not replace(job, parent=os.getppid()).should_stop()
    assert replace(job, parent=2**22 + 1).should_stop()
    Path(job.stop_file).touch()
    assert job.should_stop()

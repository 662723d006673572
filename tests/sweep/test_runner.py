"""A sweep in this process: what is made, what is skipped, what goes on, what others make."""

import io
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.errors import Stopped, UserError
from grokking.metrics.clock import GROKKED_FOR
from grokking.runs import RunDirectory
from grokking.sweep import runner, work
from grokking.sweep.grid import run_name
from grokking.sweep.pool import Where
from grokking.sweep.progress import SweepProgress
from grokking.sweep.runner import Sweep, run_sweep
from grokking.sweep.work import (
    CLAIMS,
    COMPLETE,
    ELSEWHERE,
    FAILED,
    Order,
    Outcome,
    claimed,
    is_complete,
    make_run,
)
from grokking.training import loop
from grokking.training.loop import Execution, Job, train
from tests.sweep.handmade import GROKS, NEVER

Contents = Callable[[Path], dict[str, bytes]]
HERE = Where(jobs=1, threads=1)
ONE_THREAD = Execution(threads=1)


def sweep(folder: Path, *configs: RunConfig, full: bool = False) -> Sweep:
    return Sweep({run_name(c): c for c in configs}, folder, not full, HERE)


def order(folder: Path, config: RunConfig) -> Order:
    (folder / CLAIMS).mkdir(parents=True, exist_ok=True)
    return Order(str(folder), run_name(config), config, True, ONE_THREAD, (), str(folder / "stop"))


def trained_alone(config: RunConfig, folder: Path) -> Path:
    train([Job(config, RunDirectory(folder))], ONE_THREAD, shown=False)
    return folder


def test_a_run_is_left_once_its_grokking_epoch_is_certain(tmp_path: Path) -> None:
    assert run_sweep(sweep(tmp_path, GROKS)) == tmp_path
    directory = RunDirectory(tmp_path / run_name(GROKS))
    history = directory.history()
    grokked = history["grokking_epoch"]  # which look it is, rounding decides
    assert history["memorisation_epoch"] <= grokked <= 110
    # Certain after GROKKED_FOR epochs; the run ends with the next row, twenty epochs apart.
    last = history["epochs"][-1]
    assert last == directory.epochs()[-1]
    assert grokked + GROKKED_FOR <= last < grokked + GROKKED_FOR + GROKS.log_every
    assert is_complete(order(tmp_path, GROKS))


def test_a_run_that_was_left_goes_on_to_the_same_bits(tmp_path: Path, results: Contents) -> None:
    run_sweep(sweep(tmp_path / "swept", GROKS))
    path = trained_alone(GROKS, tmp_path / "swept" / run_name(GROKS))
    alone = trained_alone(GROKS, tmp_path / "alone")
    assert RunDirectory(path).epochs()[-1] == 240
    assert results(path) == results(alone)


def test_a_full_sweep_trains_all_epochs(tmp_path: Path, results: Contents) -> None:
    run_sweep(sweep(tmp_path, GROKS, full=True))
    alone = trained_alone(GROKS, tmp_path / "alone")
    assert results(tmp_path / run_name(GROKS)) == results(alone)


def test_a_run_that_does_not_grok_is_trained_to_its_budget(tmp_path: Path) -> None:
    run_sweep(sweep(tmp_path, NEVER))
    history = RunDirectory(tmp_path / run_name(NEVER)).history()
    assert history["grokking_epoch"] is None
    assert history["epochs"][-1] == 60
    assert is_complete(order(tmp_path, NEVER))


def test_what_is_complete_is_not_touched_again(tmp_path: Path, contents: Contents) -> None:
    run_sweep(sweep(tmp_path, NEVER))
    before = contents(tmp_path)
    run_sweep(sweep(tmp_path, NEVER))
    run_sweep(sweep(tmp_path, replace(NEVER, n_epochs=40)))  # it has more than that already
    assert contents(tmp_path) == before


def test_a_larger_budget_extends_censored_runs_and_no_others(tmp_path: Path, results: Contents) -> None:
    short = replace(GROKS, n_epochs=200)
    run_sweep(sweep(tmp_path, NEVER, short))
    grokked = results(tmp_path / run_name(GROKS))
    longer = replace(NEVER, n_epochs=90)
    run_sweep(sweep(tmp_path, longer, GROKS))
    assert results(tmp_path / run_name(GROKS)) == grokked
    assert results(tmp_path / run_name(longer)) == results(trained_alone(longer, tmp_path / "alone"))


def test_few_weights_are_kept(tmp_path: Path) -> None:
    run_sweep(sweep(tmp_path, replace(NEVER, checkpoint_every=1000)))
    assert RunDirectory(tmp_path / run_name(NEVER)).epochs() == [0, 60]


def test_another_config_in_the_folder_is_told_before_any_work(tmp_path: Path, contents: Contents) -> None:
    run_sweep(sweep(tmp_path, NEVER))
    before = contents(tmp_path)
    with pytest.raises(UserError, match="another config.*log_every = 20, not 30"):
        run_sweep(sweep(tmp_path, GROKS, replace(NEVER, log_every=30)))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("config, message", [
    (replace(NEVER, task="plus"), "plus"), (replace(NEVER, train_frac=1e-5), "no pair to train on")])
def test_runs_that_cannot_begin_are_told_before_any_work(
    config: RunConfig, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        run_sweep(sweep(tmp_path / "new", NEVER, config))
    assert not (tmp_path / "new").exists()


def test_a_run_that_diverges_does_not_end_the_others(tmp_path: Path) -> None:
    diverging = replace(NEVER, lr=1e30, seed=3)
    with pytest.raises(UserError, match="1 run failed.*diverged"):
        run_sweep(sweep(tmp_path, diverging, NEVER))
    assert is_complete(order(tmp_path, NEVER))


def test_a_fault_of_ours_is_kept_until_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = work._train
    broken = order(tmp_path, GROKS)

    def fail_on_one(o: Order) -> None:
        if o.name == broken.name:
            raise ZeroDivisionError("a bug")
        real(o)

    monkeypatch.setattr(work, "_train", fail_on_one)
    with pytest.raises(RuntimeError, match="a bug"):
        run_sweep(sweep(tmp_path, GROKS, NEVER))
    assert is_complete(order(tmp_path, NEVER))


@pytest.mark.parametrize("name, word", [
    ("history.json", "is damaged"),
    ("config.json", "is damaged"),
    ("config.json gone", "holds checkpoints but no config"),
])
def test_a_damaged_run_is_told_at_the_end_and_the_others_are_made(
    tmp_path: Path, name: str, word: str
) -> None:
    run_sweep(sweep(tmp_path, NEVER))
    damaged = tmp_path / run_name(NEVER) / name.split()[0]
    damaged.write_bytes(b"")
    if name.endswith("gone"):
        damaged.unlink()
    with pytest.raises(UserError, match=f"1 run failed, all others are done.*{word}.*move or delete the dir"):
        run_sweep(sweep(tmp_path, NEVER, GROKS))
    assert (tmp_path / run_name(GROKS) / "history.json").exists()
    assert "--overwrite" not in str(outcome_of_failure(tmp_path))


def outcome_of_failure(folder: Path) -> str:
    with pytest.raises(UserError) as failure:
        run_sweep(sweep(folder, NEVER))
    return str(failure.value)


def test_a_damaged_newest_checkpoint_is_made_again(tmp_path: Path, results: Contents) -> None:
    run_sweep(sweep(tmp_path, NEVER))
    directory = RunDirectory(tmp_path / run_name(NEVER))
    before = results(directory.path)
    newest = directory.checkpoint_path(60)
    newest.write_bytes(newest.read_bytes()[:100])
    run_sweep(sweep(tmp_path, NEVER))
    assert results(directory.path) == before


# Two at once


def test_a_claim_is_granted_once(tmp_path: Path) -> None:
    (tmp_path / CLAIMS).mkdir()
    with claimed(str(tmp_path), "run") as first, claimed(str(tmp_path), "run") as second:
        assert (first, second) == (True, False)
    with claimed(str(tmp_path), "run") as again:
        assert again


def test_a_run_that_another_makes_is_left_to_it(tmp_path: Path) -> None:
    job = order(tmp_path, NEVER)
    with claimed(job.folder, job.name):
        assert make_run(job) == Outcome(job.name, ELSEWHERE)
    assert not job.directory.exists()


def test_a_sweep_waits_for_the_runs_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other makes it: nothing is left to do. The other dies: its run is taken over."""
    monkeypatch.setattr(runner, "SECONDS_BETWEEN_PASSES", 0.05)
    job, claim = order(tmp_path, NEVER), claimed(str(tmp_path), run_name(NEVER))
    real, waits = runner._Passes._wait_for_others, 0

    def die_in_the_second_wait(self: runner._Passes) -> None:
        nonlocal waits
        waits += 1
        assert not job.directory.exists()
        if waits == 2:
            claim.__exit__(None, None, None)
        real(self)

    monkeypatch.setattr(runner._Passes, "_wait_for_others", die_in_the_second_wait)
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


@pytest.mark.parametrize("number, asked_at_the_end, reached", [
    (signal.SIGTERM, 4, 30), (signal.SIGINT, 7, 60)])
def test_a_signal_saves_the_run_and_the_sweep_goes_on(
    number: int, asked_at_the_end: int, reached: int, tmp_path: Path, results: Contents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second comes too late for the run, which ends by itself, but not for the sweep."""
    asked, real = 0, Order.should_stop

    def kill_at(self: Order) -> bool:
        nonlocal asked
        asked, answer = asked + 1, real(self)
        if asked == asked_at_the_end:
            os.kill(os.getpid(), number)
        return answer

    monkeypatch.setattr(Order, "should_stop", kill_at)
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


# What a person sees


def test_without_a_terminal_every_run_is_a_line() -> None:
    stream = io.StringIO()
    with SweepProgress(3, stream) as progress:
        progress.tell(Outcome("a", COMPLETE, 120, 240, 3.2))
        progress.tell(Outcome("b", COMPLETE, None, 500))
        progress.tell(Outcome("c", FAILED, message="diverged: nan"))
    assert stream.getvalue().splitlines() == [
        "1/3 a: grokked at 120, trained to 240 (3 s)", "2/3 b: not grokked, trained to 500",
        "3/3 c: diverged: nan",
    ]


def test_on_a_terminal_there_is_a_bar() -> None:
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    with SweepProgress(2, stream) as progress:
        progress.tell(Outcome("a", COMPLETE, 120, 240))
        progress.tell(Outcome("b", FAILED, message="no"))
    assert "2/2" in stream.getvalue()
    assert "1 failed, 1 grokked, last b" in stream.getvalue()


@pytest.mark.parametrize("where, message", [
    (Where("slurm"), "unknown backend"), (Where(jobs=0), "jobs is 0"), (Where(jobs=10**6), "1 to 1024"),
    (Where(threads=-1), "threads is -1"),
    (Where("dask", 2, 1, "tcp://1.2.3.4:1"), "--jobs is for processes"),
    (Where("dask"), "needs --scheduler"), (Where(scheduler="tcp://1.2.3.4:1"), "--backend dask"),
])
def test_where_a_sweep_cannot_run(where: Where, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        run_sweep(Sweep({run_name(NEVER): NEVER}, tmp_path, where=where))

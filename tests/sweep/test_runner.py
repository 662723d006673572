"""A sweep in this process: what is made, what is skipped, what goes on, what others make."""

import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.metrics.events import GROKKED_FOR
from grokking.storage.run_directory import RunDirectory
from grokking.sweep import worker as work
from grokking.sweep.executors import ExecutorConfig
from grokking.sweep.grid import run_name
from grokking.sweep.progress import SweepProgress
from grokking.sweep.runner import Sweep, run_sweep
from grokking.sweep.worker import COMPLETE, FAILED, RunResult, is_complete
from grokking.training.launch import Request
from tests.sweep.handmade import GROKS, NEVER, order, sweep, trained_alone

Contents = Callable[[Path], dict[str, bytes]]


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


def test_a_run_killed_in_its_last_save_is_not_complete_and_its_end_is_made(
    tmp_path: Path, results: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its newest weights are in place; what older ones were to lose is not lost yet."""
    job, newest = order(tmp_path, NEVER), RunDirectory(tmp_path / run_name(NEVER)).checkpoint_path(60)
    put = os.replace

    def die_after_the_newest(source: str, target: Path) -> None:
        if newest.exists():
            raise SystemExit("killed")
        put(source, target)

    monkeypatch.setattr(os, "replace", die_after_the_newest)
    with pytest.raises(SystemExit, match="killed"):
        run_sweep(sweep(tmp_path, NEVER))
    monkeypatch.undo()
    alone = results(trained_alone(NEVER, tmp_path / "alone"))
    assert results(job.directory.path) != alone
    assert not is_complete(job)
    run_sweep(sweep(tmp_path, NEVER))
    assert is_complete(job)
    assert results(job.directory.path) == alone


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


@pytest.mark.parametrize(
    "config, message",
    [(replace(NEVER, train_frac=1e-5), "no pair to train on")],
)
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
    real = work.start_runs
    broken = order(tmp_path, GROKS)

    def fail_on_one(runs: dict[str, RunConfig], request: Request) -> object:
        if broken.name in runs:
            raise ZeroDivisionError("a bug")
        return real(runs, request)

    monkeypatch.setattr(work, "start_runs", fail_on_one)
    with pytest.raises(RuntimeError, match="a bug"):
        run_sweep(sweep(tmp_path, GROKS, NEVER))
    assert is_complete(order(tmp_path, NEVER))


@pytest.mark.parametrize(
    "name, word",
    [
        ("history.json", "is damaged"),
        ("config.json", "is damaged"),
        ("config.json gone", "contains checkpoints but no config"),
    ],
)
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


# What a person sees


def test_without_a_terminal_every_run_is_a_line() -> None:
    stream = io.StringIO()
    with SweepProgress(3, stream) as progress:
        progress.count(RunResult("a", COMPLETE, 120, 240, 3.2))
        progress.count(RunResult("b", COMPLETE, None, 500))
        progress.count(RunResult("c", FAILED, message="diverged: nan"))
    assert stream.getvalue().splitlines() == [
        "1/3 a: grokked at 120, trained to 240 (3 s)",
        "2/3 b: not grokked, trained to 500",
        "3/3 c: diverged: nan",
    ]


def test_on_a_terminal_there_is_a_bar() -> None:
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    with SweepProgress(2, stream) as progress:
        progress.count(RunResult("a", COMPLETE, 120, 240))
        progress.count(RunResult("b", FAILED, message="no"))
    assert "2/2" in stream.getvalue()
    assert "1 failed, 1 grokked, last b" in stream.getvalue()


@pytest.mark.parametrize(
    "where, message",
    [
        (ExecutorConfig("slurm"), "unknown backend"),
        (ExecutorConfig(jobs=0), "jobs is 0"),
        (ExecutorConfig(jobs=10**6), "1 to 1024"),
        (ExecutorConfig(threads=-1), "threads is -1"),
        (ExecutorConfig("dask", 2, 1, "tcp://1.2.3.4:1"), "--jobs is for processes"),
        (ExecutorConfig("dask"), "needs --scheduler"),
        (ExecutorConfig(scheduler="tcp://1.2.3.4:1"), "--backend dask"),
    ],
)
def test_where_a_sweep_cannot_run(where: ExecutorConfig, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        run_sweep(Sweep({run_name(NEVER): NEVER}, tmp_path, where=where))

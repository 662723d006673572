"""A run made longer has the bits of a long one; shorter than it is, or another, it cannot become."""

import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.errors import Stopped, UserError
from grokking.storage.run_directory import RunDirectory

Contents = Callable[[Path], dict[str, bytes]]
TrainRun = Callable[..., Path]


@pytest.mark.parametrize("lengths", [(30,), (49,), (33,), (1,), (10, 33, 50)])
def test_an_extended_run_has_the_bits_of_a_long_one(
    lengths: tuple[int, ...],
    whole: Path,
    config: RunConfig,
    train_run: TrainRun,
    tmp_path: Path,
    results: Contents,
) -> None:
    for n_epochs in lengths:
        train_run(replace(config, n_epochs=n_epochs), tmp_path / "run")
        assert RunDirectory(tmp_path / "run").history()["epochs"][-1] == n_epochs
        assert RunDirectory(tmp_path / "run").epochs()[-1] == n_epochs
    train_run(config, tmp_path / "run")
    assert results(tmp_path / "run") == results(whole)
    assert RunDirectory(tmp_path / "run").config() == config


def test_what_may_change_the_last_bits_is_said(
    copied: Path, config: RunConfig, train_run: TrainRun, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = RunDirectory(copied)
    execution = directory.record()["execution"]
    directory.create(config, {"execution": {**execution, "threads": 77}, "versions": {"torch": "1.0"}})
    train_run(replace(config, n_epochs=config.n_epochs + 1), copied)
    stderr = capsys.readouterr().err
    assert "warning: threads was 77 and is " in stderr
    assert "warning: torch was 1.0 and is " in stderr
    assert "may differ in its last bits" in stderr


def test_an_extended_run_can_be_stopped_too(
    whole: Path,
    config: RunConfig,
    train_run: TrainRun,
    tmp_path: Path,
    results: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    train_run(replace(config, n_epochs=33), tmp_path / "run")
    interrupt(34, signal.SIGTERM)
    with pytest.raises(Stopped):
        train_run(config, tmp_path / "run")
    assert results(train_run(config, tmp_path / "run")) == results(whole)


def test_a_finished_run_stays_as_it_is(
    copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    before = contents(copied)
    assert contents(train_run(config, copied)) == before


def test_a_run_of_another_config_is_refused_with_its_keys(
    copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    before = contents(copied)
    with pytest.raises(UserError) as caught:
        train_run(replace(config, seed=3, d_mlp=48, n_epochs=90), copied)
    message = str(caught.value)
    assert "seed = 0" in message
    assert "d_mlp = 32" in message
    assert "n_epochs" not in message
    assert "overwrite" in message
    assert contents(copied) == before


@pytest.mark.parametrize("n_epochs", [59, 30, 1])
def test_a_finished_run_cannot_become_shorter(
    n_epochs: int, copied: Path, config: RunConfig, train_run: TrainRun, contents: Contents
) -> None:
    before = contents(copied)
    with pytest.raises(UserError, match="already trained to epoch 60"):
        train_run(replace(config, n_epochs=n_epochs), copied)
    assert contents(copied) == before


def test_an_unfinished_run_cannot_become_shorter_than_it_is(
    config: RunConfig,
    train_run: TrainRun,
    tmp_path: Path,
    contents: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    interrupt(40, signal.SIGTERM)
    with pytest.raises(Stopped):
        train_run(config, tmp_path / "run")
    before = contents(tmp_path / "run")
    with pytest.raises(UserError, match="already trained to epoch 4"):
        train_run(replace(config, n_epochs=20), tmp_path / "run")
    assert contents(tmp_path / "run") == before


def test_an_unfinished_run_can_become_shorter_than_it_should_have_been(
    config: RunConfig,
    train_run: TrainRun,
    tmp_path: Path,
    results: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    interrupt(20, signal.SIGTERM)
    with pytest.raises(Stopped):
        train_run(config, tmp_path / "run")
    shorter = replace(config, n_epochs=42)
    assert results(train_run(shorter, tmp_path / "run")) == results(train_run(shorter, tmp_path / "short"))


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [40, 42, 56])
def test_an_unfinished_run_can_be_ended_right_where_it_stopped(
    epoch: int,
    config: RunConfig,
    train_run: TrainRun,
    tmp_path: Path,
    results: Contents,
    interrupt: Callable[[int, int], None],
) -> None:
    """At 40 there is no row yet; at 42 and 56 there is one, and a stop-over becomes the end."""
    interrupt(epoch, signal.SIGTERM)
    with pytest.raises(Stopped):
        train_run(config, tmp_path / "run")
    assert RunDirectory(tmp_path / "run").epochs()[-1] == epoch
    shorter = replace(config, n_epochs=epoch)
    assert results(train_run(shorter, tmp_path / "run")) == results(train_run(shorter, tmp_path / "short"))

"""A run goes on under a version that measures other things: null where a metric was not measured."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grokking.audit.checkpoint import memorised_epoch
from grokking.config import RunConfig
from grokking.figures.comparison import draw_comparison
from grokking.metrics.early_warning import memorised_at
from grokking.page.site import build_site
from grokking.runs.compare import history_csv, markdown, table
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.atomic_io import read_json, write_json
from grokking.storage.run_directory import HISTORY
from grokking.sweep.cogrokking import read_times
from grokking.sweep.collect_results import Result
from grokking.training import loop

Row = dict[str, Any]
OLD, NEW = ("gini", "test_acc"), ("sharpness", "spectrum")


def of_an_older_version(row: Row) -> Row:
    return {name: value for name, value in row.items() if name not in OLD}


def of_a_newer_version(row: Row) -> Row:
    return {**row, "sharpness": 0.5, "spectrum": [1, 2]}


@contextmanager
def measured_by(change: Callable[[Row], Row]) -> Iterator[None]:
    """A block in which training's rows are what ``change`` makes of them."""
    measure = loop.measure_row
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "measure_row", lambda *a: change(measure(*a)))
        patched.setattr(loop.Progress, "show", lambda *_: None)  # an older version showed what it had
        yield


def test_a_run_goes_on_though_its_history_lacks_a_metric(
    config: RunConfig, train_run: Callable[..., Path], whole: Path, tmp_path: Path
) -> None:
    with measured_by(of_an_older_version):
        train_run(replace(config, n_epochs=28), tmp_path / "run")
    history, uninterrupted = Run(train_run(config, tmp_path / "run")).history, Run(whole).history
    assert history["epochs"] == uninterrupted["epochs"] == [0, 7, 14, 21, 28, 35, 42, 49, 56, 60]
    for name in OLD:
        assert history[name] == [None] * 5 + uninterrupted[name][5:]
    assert {n: v for n, v in history.items() if n not in OLD} == {
        n: v for n, v in uninterrupted.items() if n not in OLD
    }
    last = "checkpoint_e000060.safetensors"
    assert (tmp_path / "run" / last).read_bytes() == (whole / last).read_bytes()


def test_a_run_goes_on_though_its_history_has_a_metric_that_is_not_known(
    config: RunConfig, train_run: Callable[..., Path], whole: Path, tmp_path: Path
) -> None:
    with measured_by(of_a_newer_version):
        train_run(replace(config, n_epochs=28), tmp_path / "run")
    history = Run(train_run(config, tmp_path / "run")).history
    assert history["sharpness"] == [0.5] * 5 + [None] * 5
    assert history["spectrum"] == [[1, 2]] * 5 + [None] * 5
    assert {n: v for n, v in history.items() if n not in NEW} == Run(whole).history
    again = Run(train_run(replace(config, n_epochs=70), tmp_path / "run")).history  # and once more
    assert again["sharpness"] == [0.5] * 5 + [None] * 6


@pytest.fixture(params=["first", "last", "all"])
def with_nulls(request: pytest.FixtureRequest, copied: Path, made_by_hand: Callable[[Path], None]) -> Path:
    """A run whose history has every metric null in its first rows, in its last ones, or everywhere."""
    made_by_hand(copied)
    record = read_json(copied / HISTORY)
    n = len(record["epochs"])
    gone = {"first": range(n // 2), "last": range(n // 2, n), "all": range(n)}[request.param]
    for name, values in record.items():
        if isinstance(values, list) and name != "epochs":
            record[name] = [None if i in gone else value for i, value in enumerate(values)]
    write_json(copied / HISTORY, record)
    return copied


def test_every_reader_takes_nulls_in_every_column(with_nulls: Path, tmp_path: Path, script: Callable) -> None:
    run = Run(with_nulls)
    assert run.history["gini"].count(None) >= 5
    assert str(run.config.p) in table([run])
    assert "| grokking_epoch | - |" in markdown([run])
    assert len(history_csv(run.history).splitlines()) == 1 + len(run.history["epochs"])
    assert draw_comparison([run], tmp_path / "curves.png").exists()
    assert memorised_epoch(RunView(run, "add", 60)) is None
    times = read_times(Result(with_nulls, run.config, None, None, 60))
    assert times.accuracy == {n: v for n, v in {"add": run.history["test_acc"][-1]}.items() if v is not None}
    assert build_site([with_nulls], tmp_path / "site").exists()
    for film in ("circle", "clean", "sine", "order"):
        ended = script(
            f"frames {film}",
            with_nulls,
            "--output_dir",
            tmp_path / film,
            "--n_frames",
            2,
            "--jobs",
            1,
        )
        assert ended.code == 0, ended.err
    ended = script(
        "figures",
        with_nulls,
        "--output_dir",
        tmp_path / "figures",
        "--jobs",
        1,
        "--only",
        "learning",
        "embedding_over_training",
        "sparsity",
    )
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    "accuracy, epoch",
    [
        ([0.1, 1.0, 1.0, 1.0], 50),
        ([1.0, 1.0, 1.0, 1.0], 0),
        ([None, 0.1, 1.0, 1.0, 1.0], 100),
        ([None, 1.0, 1.0, 1.0], None),  # perhaps already at 0
        ([0.1, None, 1.0, 1.0, 1.0], None),  # perhaps already at 50
        ([0.1, 1.0, None, 1.0, 1.0], 50),
        ([1.0, 1.0, 0.5, None, 1.0, 1.0, 1.0], None),
        ([None, None, None], None),
    ],
)
def test_the_memorisation_epoch_is_not_guessed(accuracy: list[float | None], epoch: int | None) -> None:
    assert memorised_at([50 * i for i in range(len(accuracy))], accuracy) == epoch

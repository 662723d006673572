"""Runs of composition in a group: trained, resumed, measured, compared, moved."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.groups.families import named_group
from grokking.runs.compare import history_csv, table
from grokking.runs.progress_measures import measure_and_write, read_progress
from grokking.runs.run import Run

TrainRun = Callable[..., Path]
TINY = RunConfig(
    task="s3",
    train_frac=0.6,
    d_model=8,
    n_heads=2,
    d_mlp=16,
    n_epochs=20,
    log_every=10,
    checkpoint_every=10,
)


@pytest.mark.parametrize("name", ["s3", "q8", "d5", "c6", "a4"])
def test_a_run_of_a_group_trains_and_is_measured(name: str, train_run: TrainRun, tmp_path: Path) -> None:
    run = Run(train_run(replace(TINY, task=name), tmp_path / name))
    labels = named_group(name).basis.labels[1:]
    assert run.history["epochs"] == [0, 10, 20]
    assert [tuple(row) for row in run.history["logit_similarity"]] == [labels] * 3
    measure_and_write(run.directory.path)
    progress = read_progress(run)
    assert [tuple(row) for row in progress["logit_similarity"]] == [labels] * len(run.epochs)
    keys = progress["key_frequencies" if name == "c6" else "key_blocks"]
    assert all(key in (range(1, 4) if name == "c6" else labels) for key in keys)
    assert progress["circle_frequency"] is None or name == "c6"
    assert name in table([run])
    assert f"{labels[0]}=" in history_csv(run.history)


def test_a_continued_run_of_a_group_has_the_bits_of_one_that_was_never_stopped(
    train_run: TrainRun, tmp_path: Path
) -> None:
    whole = Run(train_run(TINY, tmp_path / "whole"))
    train_run(replace(TINY, n_epochs=10), tmp_path / "parts")
    parts = Run(train_run(TINY, tmp_path / "parts"))
    assert parts.history == whole.history
    for name, weight in whole.weights(20).items():
        assert weight.equal(parts.weights(20)[name])


def test_a_run_of_a_table_stands_alone(train_run: TrainRun, tmp_path: Path) -> None:
    file = tmp_path / "s3.json"
    file.write_text(json.dumps(named_group("s3").table.tolist()))
    made = train_run(replace(TINY, task="table", group_table=str(file)), tmp_path / "made")
    file.unlink()
    moved = Run(shutil.move(made, tmp_path / "elsewhere"))
    assert moved.task.title == "composition in S3"
    named = Run(train_run(TINY, tmp_path / "named"))
    assert moved.history["train_loss"] == named.history["train_loss"]
    measure_and_write(moved.directory.path)
    assert read_progress(moved)["logit_similarity"]

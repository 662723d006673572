"""Runs made by version 0.1 open, continue and measure as they did."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grokking.config import RunConfig
from grokking.engines.choose import NAMES_OF_0_1
from grokking.runs.progress_measures import measure_and_write
from grokking.storage.run_directory import PROGRESS, RunDirectory

LONGER = 150
RUNS = ("add11", "mul13")
TrainRun = Callable[..., Path]


@pytest.fixture(params=RUNS)
def old(request: pytest.FixtureRequest, root: Path, tmp_path: Path) -> Path:
    """A copy of a run of version 0.1."""
    return Path(shutil.copytree(root / "tests" / "data" / "v0.1" / request.param, tmp_path / request.param))


def same_numbers(found: Any, expected: Any) -> None:
    """Equal structure, and numbers equal but for what another processor rounds otherwise."""
    if isinstance(expected, dict):
        assert found.keys() >= expected.keys()  # there may be measures that 0.1 did not have
        for name in expected:
            same_numbers(found[name], expected[name])
    elif isinstance(expected, list) and expected:
        assert len(found) == len(expected)
        for mine, its in zip(found, expected, strict=True):
            same_numbers(mine, its)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-5)
    else:
        assert found == expected


def test_it_opens(old: Path) -> None:
    directory = RunDirectory(old)
    config = directory.config()
    assert directory.faults() == {}
    assert directory.epochs() == [0, 60, 120]
    assert (config.model, config.optimiser, config.init_scheme) == ("transformer", "adamw", "standard")
    assert config.checkpoint_density == "few"
    assert len(directory.load(120).optimiser) == 2 * len(directory.load(120).weights)


def test_it_continues_as_if_it_had_never_stopped(
    old: Path, train_run: TrainRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = RunDirectory(old).history().keys()
    config = replace(RunDirectory(old).config(), n_epochs=LONGER)
    straight = RunDirectory(train_run(config, tmp_path / "straight", threads=1))
    capsys.readouterr()
    continued = RunDirectory(train_run(config, old, threads=1))
    assert "engine was" not in capsys.readouterr().err
    mine, its = continued.history(), straight.history()
    assert mine["epochs"] == list(range(0, LONGER + 1, 10))
    same_numbers({name: mine[name] for name in columns}, {name: its[name] for name in columns})
    assert mine.keys() == its.keys()
    assert all(set(mine[name][:13]) == {None} for name in mine.keys() - columns)
    assert continued.epochs() == straight.epochs() == [0, 60, 120, LONGER]
    for name, tensor in straight.load(LONGER).weights.items():
        np.testing.assert_allclose(continued.load(LONGER).weights[name], tensor, rtol=1e-3, atol=1e-4)


def test_it_is_measured_to_the_same_numbers(old: Path) -> None:
    expected = json.loads((old / PROGRESS).read_text())
    measure_and_write(old)
    found = json.loads((old / PROGRESS).read_text())
    for record in (expected, found):
        record.pop("config", None)
    same_numbers(found, expected)


@pytest.mark.parametrize("name", NAMES_OF_0_1)
def test_its_names_of_engines_are_accepted(
    name: str, tiny_config: RunConfig, train_run: TrainRun, tmp_path: Path
) -> None:
    run = train_run(replace(tiny_config, n_epochs=10), tmp_path / "run", engine=name, threads=1)
    assert RunDirectory(run).record()["execution"]["engine"] == NAMES_OF_0_1[name]

"""Folders for work that fails or is interrupted: none is left empty, and nothing of a person's goes."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.figures import build
from grokking.figures.build import FigureOptions, draw_figures
from grokking.storage.atomic_io import folder_for, scratch_folder
from grokking.sweep.runner import Sweep, run_sweep


def interrupted_in(path: Path, *files: str) -> None:
    with pytest.raises(KeyboardInterrupt), folder_for(path):
        for name in files:
            (path / name).touch()
        raise KeyboardInterrupt


def test_folders_that_stay_empty_go_with_their_parents(tmp_path: Path) -> None:
    interrupted_in(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_folders_that_hold_something_stay(tmp_path: Path) -> None:
    interrupted_in(tmp_path / "a" / "b", "whole.json")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["whole.json"]


def test_an_empty_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    interrupted_in(tmp_path / "a" / "b")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert list((tmp_path / "a").iterdir()) == []


def test_a_scratch_folder_goes_with_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), scratch_folder(tmp_path, ".s-") as scratch:
        (scratch / "half").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["gather", "write_figure"])
def test_interrupted_figures_leave_nothing(
    where: str, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, where, interrupt)
    with pytest.raises(KeyboardInterrupt):
        draw_figures(tiny_run, tmp_path / "deep" / "figures", FigureOptions(["margins"], jobs=1))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_sweep_without_a_run_leaves_nothing(
    tiny_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grokking.sweep.runner.open_pool", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_sweep(Sweep({"a": tiny_config}, tmp_path / "sweep"))
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_not_begun_leaves_no_folder(
    tiny_config: RunConfig, train_run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grokking.training.loop.resume_or_begin", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_run(tiny_config, tmp_path / "runs" / "a")
    assert list(tmp_path.iterdir()) == []

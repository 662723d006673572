"""The estimate of a run's size is an upper one and not a wild one; too little room is refused early."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.storage.run_directory import RunDirectory
from grokking.training import disk_check as space
from tests.training.test_watch import kept_epochs


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def full(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    usage = SimpleNamespace(total=10**12, used=0, free=free)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: usage)


@pytest.mark.parametrize(
    "n_epochs, every, start",
    [(30_000, 1000, 6000), (15_000, 100, 10**9), (50, 7, 10), (3000, 100, 300), (1, 1, 0)],
)
def test_no_run_keeps_more_checkpoints(n_epochs: int, every: int, start: int) -> None:
    kept = len(kept_epochs(n_epochs, every, start))
    most = space.most_checkpoints(RunConfig(n_epochs=n_epochs, checkpoint_every=every))
    assert kept <= most <= 2 * kept + 60


def test_the_default_run_is_expected_to_take_its_150_mb_and_not_much_more() -> None:
    assert 100e6 < space.bytes_of_run(RunConfig()) < 250e6


def test_a_run_takes_no_more_than_estimated(tiny_run: Path, tiny_config: RunConfig) -> None:
    assert 0.2 * space.bytes_of_run(tiny_config) < size(tiny_run) < space.bytes_of_run(tiny_config)


def test_too_little_room_is_said_before_anything_is_written(
    tiny_config: RunConfig, train_run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(monkeypatch, 10_000)
    with pytest.raises(UserError, match=r"has 0\.0 MB of free disk"):
        train_run(tiny_config, tmp_path / "deeper" / "run")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_already_needs_no_room(
    tiny_run: Path, tiny_config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    full(monkeypatch, 0)
    space.require_space({RunDirectory(tiny_run): tiny_config})
    with pytest.raises(UserError, match="free disk"):
        space.require_space({RunDirectory(tiny_run): replace(tiny_config, n_epochs=100_000)})

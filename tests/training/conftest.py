"""A run that was never interrupted, to hold others against; and a way to interrupt those."""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.training.progress import Progress

TrainRun = Callable[..., Path]


@pytest.fixture(scope="session")
def config(tiny_config: RunConfig) -> RunConfig:
    """Rows, looks and checkpoints at epochs of their own: 7, 14, …; 10, 20, …; 25, 50."""
    return replace(tiny_config, log_every=7)


@pytest.fixture(scope="session")
def whole(config: RunConfig, train_run: TrainRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that was never interrupted."""
    return train_run(config, tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    """A copy of the finished run that a test may harm."""
    return Path(shutil.copytree(whole, tmp_path / "copied"))


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """interrupt(epoch, number) makes training signal itself once that epoch is reached."""

    def arrange(epoch: int, number: int = signal.SIGTERM) -> None:
        update = Progress.update

        def signalling(self: Progress, n: int) -> None:
            update(self, n)
            if self.done >= epoch:
                monkeypatch.setattr(Progress, "update", update)
                os.kill(os.getpid(), number)

        monkeypatch.setattr(Progress, "update", signalling)

    return arrange

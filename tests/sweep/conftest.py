"""Folders of runs that were never trained but look as if."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.storage.run_directory import RunDirectory
from grokking.sweep.grid import run_name


@pytest.fixture
def pretend(tmp_path: Path) -> Callable[..., Path]:
    """pretend(config, memorised, grokked, trained) writes what a run of that fate leaves, but no weights."""

    def write(config: RunConfig, memorised: int | None, grokked: int | None, trained: int) -> Path:
        directory = RunDirectory(tmp_path / run_name(config))
        directory.create(config, {"command": ["grokking", "sweep"], "versions": {"torch": "2"}})
        epochs = sorted({*range(0, trained + 1, 100), trained})
        directory.write_history(
            {
                "config": config.as_dict(),
                "grokking_epoch": grokked,
                "memorisation_epoch": memorised,
                "epochs": epochs,
                "train_acc": [float(memorised is not None and e >= memorised) for e in epochs],
            }
        )
        return directory.path

    return write


@pytest.fixture
def as_of_old() -> Callable[[Path], None]:
    """as_of_old(run directory) takes the memorisation epoch out, which older runs did not note."""

    def alter(path: Path) -> None:
        record = json.loads((path / "history.json").read_text())
        del record["memorisation_epoch"]
        (path / "manifest.json").unlink(missing_ok=True)  # older runs had none either
        (path / "history.json").write_text(json.dumps(record))

    return alter

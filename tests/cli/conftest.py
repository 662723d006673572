"""An output folder with a finished run in it."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def copied(tiny_run: Path, tmp_path: Path) -> Path:
    """An output folder that holds the tiny run under its default name."""
    shutil.copytree(tiny_run, tmp_path / "out" / "default")
    return tmp_path / "out"

"""A command that begins with PyTorch loaded ends as one that a person starts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import preloaded
from tests.conftest import ROOT
from tests.dying import no_sigkill

HERE = {"PYTHONPATH": str(ROOT)}


@pytest.mark.slow
@pytest.mark.parametrize("line", ["--version", "trian", "train --help"])
def test_it_says_the_same(line: str, tmp_path: Path) -> None:
    started = subprocess.run(
        [sys.executable, "-m", "grokking", *line.split()],
        cwd=tmp_path,
        env=os.environ | HERE,
        capture_output=True,
        text=True,
    )
    ended = preloaded.run(line.split(), tmp_path, **HERE)
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        started.returncode,
        started.stdout,
        started.stderr,
    )


@no_sigkill
@pytest.mark.slow
def test_it_can_be_killed_and_others_go_on(tmp_path: Path) -> None:
    endless = preloaded.start(["train", "--preset", "quick", "--n_epochs", "1000000"], tmp_path, **HERE)
    with pytest.raises(subprocess.TimeoutExpired):
        endless.wait(0.01)
    assert preloaded.run(["--version"], tmp_path, **HERE).returncode == 0
    endless.send_signal(signal.SIGKILL)
    endless.communicate()
    assert endless.returncode == -signal.SIGKILL

"""The tables of networks that compose in a group."""

from pathlib import Path

import pytest

from benchmarks.groups import blocks, by_cosets, head, opened, summary
from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.training.launch import Execution, Request, start_runs

SMALL = {"d_model": 16, "n_heads": 2, "d_mlp": 24, "n_epochs": 2, "log_every": 1, "train_frac": 0.6}


def trained(config: RunConfig, folder: Path) -> Path:
    """A run directory of a few epochs."""
    return start_runs({"run": config}, Request(folder, execution=Execution(engine="batched", threads=1)))[0]


@pytest.mark.slow
def test_a_row_says_what_the_run_is_and_what_it_uses(tmp_path: Path) -> None:
    view = opened(trained(RunConfig(task="s3", **SMALL), tmp_path))
    assert head(view) | {"test accuracy": ""} == {
        "group": "S3",
        "fraction": "0.6",
        "decay": "1",
        "neurons": "24",
        "seed": "0",
        "grokking epoch": "–",
        "test accuracy": "",
    }
    assert "W_E in them" in blocks(view)
    assert float(by_cosets(view)["coset share"]) <= 1
    assert summary([view]) == "- group S3, fraction 0.6, decay 1, neurons 24: 0 of 1 grokked, epochs –"


def test_a_run_without_a_group_is_refused(tmp_path: Path) -> None:
    path = trained(RunConfig(task="x2+y2", p=5, **SMALL), tmp_path)
    with pytest.raises(UserError, match="is a run of x2\\+y2, which has no group"):
        opened(path)

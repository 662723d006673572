"""``grokking show`` of a run that has no circles: refused before anything is measured or drawn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grokking.config import RunConfig

TINY = {"n_epochs": 2, "d_model": 8, "n_heads": 2, "d_mlp": 4, "train_frac": 0.6}


@pytest.mark.parametrize(
    "config, words",
    [
        ({"task": "s3"}, "S3 is not a cyclic group"),
        ({"task": "x2+y2", "p": 11}, "has no cyclic group, so no Fourier film"),
    ],
)
def test_a_run_without_circles_is_refused_before_it_is_measured(
    config: dict[str, object],
    words: str,
    script: Callable[..., Any],
    train_run: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    run = train_run(RunConfig(**config, **TINY), tmp_path / "run")
    before = sorted(path.name for path in run.iterdir())
    script("show", run).assert_refused(words)
    assert sorted(path.name for path in run.iterdir()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]

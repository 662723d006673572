"""How many threads a run takes."""

from dataclasses import replace
from pathlib import Path

import pytest

from grokking.config import RunConfig
from grokking.engines.threads import available_threads, default_threads, shared_workers
from grokking.storage.run_directory import RunDirectory
from grokking.training.loop import Execution, Job, train


@pytest.mark.parametrize("threads", [1, 3])
def test_measuring_takes_no_more_threads_than_training(
    threads: int, tiny_config: RunConfig, tmp_path: Path
) -> None:
    """A sweep has a run on every processor: one that measured on all would slow the others."""
    seen: list[int] = []

    def look() -> bool:
        seen.append(shared_workers().n)
        return False

    before = shared_workers().n
    job = Job(replace(tiny_config, n_epochs=20), RunDirectory(tmp_path / "run"))
    train([job], Execution(threads=threads), shown=False, should_stop=look)
    assert set(seen) == {threads}
    assert shared_workers().n == before


@pytest.mark.parametrize(
    "asked, most", [("1", 1), ("1,4", 1), ("4096", 1024), ("", 1024), ("0", 1024), ("all", 1024)]
)
def test_the_environment_limits_threads_that_nobody_asked_for(
    asked: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert default_threads() == min(available_threads(), most)

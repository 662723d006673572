"""Runs that do not fit into memory together are refused before the first update."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.storage.run_directory import RunDirectory
from grokking.training import loop
from grokking.training import memory_check as memory
from grokking.training.loop import Execution, Job, train

BASE = RunConfig()


def test_an_estimate_grows_as_what_it_counts() -> None:
    """Autograd keeps something for every pair; tables do not know how many pairs there are."""
    for engine, times in (("batched", 2.0), ("reference", 2.0), ("numba", 1.0)):
        half, whole = (memory.bytes_of_run(replace(BASE, train_frac=f), engine) for f in (0.3, 0.6))
        weights = memory.bytes_of_run(replace(BASE, train_frac=1e-3), engine)
        assert (whole - weights) == pytest.approx(times * (half - weights), rel=0.01)
    assert memory.bytes_of_run(BASE, "reference") > memory.bytes_of_run(BASE, "batched")


def test_a_default_run_takes_what_was_measured() -> None:
    """69 MiB more for each run of the default config, from one run to three, on one thread."""
    assert memory.bytes_of_run(BASE, "batched") / 2**20 == pytest.approx(69, rel=0.2)


@pytest.mark.parametrize("engine, runs_that_fit", [("batched", 3), ("numba", 3), ("batched", 0)])
def test_too_many_runs_are_refused(
    engine: str, runs_that_fit: int, tiny_config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    each = memory.bytes_of_run(tiny_config, engine)
    monkeypatch.setattr(memory, "free_memory", lambda _: each * runs_that_fit + each // 2)
    jobs = [Job(replace(tiny_config, seed=s), RunDirectory(tmp_path / str(s))) for s in range(5)]
    expected = f"^5 runs need .* {runs_that_fit} of them fit" if runs_that_fit else "not one fits"
    with pytest.raises(UserError, match=expected):
        train(jobs, Execution(engine=engine), shown=False)
    assert list(tmp_path.iterdir()) == []


def test_four_thousand_runs_are_refused_before_they_take_any_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "free_memory", lambda _: 10**9)
    draw, drawn = loop.initial_weights, []

    def noted(config: RunConfig) -> dict[str, torch.Tensor]:
        drawn.append(config.seed)
        return draw(config)

    monkeypatch.setattr(loop, "initial_weights", noted)
    jobs = [Job(replace(BASE, seed=s), RunDirectory(tmp_path / str(s))) for s in range(4096)]
    with pytest.raises(UserError, match="4096 runs need about"):
        train(jobs, Execution(engine="numba"), shown=False)
    assert drawn == [0]  # one was needed to know what the others would take


def test_plain_runs_are_made_one_at_a_time(tiny_config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    each = memory.bytes_of_run(tiny_config, "reference")
    monkeypatch.setattr(memory, "free_memory", lambda _: each + 1)
    memory.require_memory([tiny_config] * 5, "reference", torch.device("cpu"))
    monkeypatch.setattr(memory, "free_memory", lambda _: each - 1)
    with pytest.raises(UserError, match=r"the run needs about .* not one fits"):
        memory.require_memory([tiny_config], "reference", torch.device("cpu"))


def test_there_is_memory_here() -> None:
    assert memory.free_memory(torch.device("cpu")) > memory.bytes_of_run(BASE, "numba")

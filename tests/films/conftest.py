"""Run directories small enough to be made in a test: trained in a second, or written by hand."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.from_config import initial_weights
from grokking.metrics.history_row import measure_row
from grokking.runs.run import Run
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import RunDirectory
from grokking.training.launch import Request, start_runs
from grokking.training.loop import Execution
from grokking.training.state import History
from tests.films.handmade import everything, make_frames

SMALL = {
    "d_model": 16,
    "n_heads": 2,
    "d_mlp": 32,
    "train_frac": 0.5,
    "n_epochs": 60,
    "log_every": 20,
    "checkpoint_every": 20,
}
Weights = Mapping[str, Tensor]
WriteRun = Callable[[Path, RunConfig, Mapping[int, Weights]], Run]


@pytest.fixture(scope="session")
def train(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, str], Path]:
    """(p, task) to the directory of a short run, made once."""
    folder, made = tmp_path_factory.mktemp("runs"), {}

    def of(p: int, task: str) -> Path:
        if (p, task) not in made:
            name = f"p{p}_{task.replace(',', '_').replace('+', '_')}"
            request = Request(folder, execution=Execution(engine="batched", threads=1))
            made[p, task] = start_runs({name: RunConfig(p=p, task=task, **SMALL)}, request)[0]
        return made[p, task]

    return of


@pytest.fixture(scope="session")
def added(train: Callable[[int, str], Path]) -> Run:
    """A run of addition mod 11: an odd group order."""
    return Run(train(11, "add"))


@pytest.fixture(scope="session")
def multiplied(train: Callable[[int, str], Path]) -> Run:
    """A run of multiplication mod 13: an even group order, 12."""
    return Run(train(13, "mul"))


@pytest.fixture
def write_run() -> WriteRun:
    """(folder, config, weights by epoch) to a run with exactly these weights."""

    def write(folder: Path, config: RunConfig, weights: Mapping[int, Weights]) -> Run:
        directory = RunDirectory(folder)
        directory.create(config, {})
        run, history = Run(folder), History()
        for epoch, tensors in weights.items():
            directory.save(Checkpoint(epoch, dict(tensors), config))
            history.append(
                epoch,
                measure_row(
                    run.observe(epoch) if epoch in run.epochs else Run(folder).observe(epoch), run.split
                ),
            )
        directory.write_history(history.record(config, {}))
        return Run(folder)

    return write


@pytest.fixture
def circle_weights() -> Callable[[RunConfig, int, float], dict[str, Tensor]]:
    """(config, k, radius) to weights whose number tokens lie on one circle of frequency k."""

    def of(config: RunConfig, k: int, radius: float) -> dict[str, Tensor]:
        weights = initial_weights(config)
        angle = 2 * torch.pi * k * torch.arange(config.p, dtype=torch.float64) / config.p
        weights["W_E"][: config.p] = 0
        weights["W_E"][: config.p, 3] = radius * angle.cos().float()
        weights["W_E"][: config.p, 5] = radius * angle.sin().float()
        return weights

    return of


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    """A folder of five frames drawn by hand."""
    return make_frames(tmp_path / "frames_circle" / "run_wd1.0")


@pytest.fixture
def untouched(tmp_path: Path) -> Iterator[None]:
    """Fails the test if it left a file behind, or took one away."""
    before = everything(tmp_path)
    yield
    assert everything(tmp_path) == before

"""Runs to draw: short ones, and networks whose logits and neurons are written down."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.engines.outputs import PairOutputs
from grokking.figures import over_training
from grokking.figures.over_training import OverTraining
from grokking.metrics.activations import ActivationCache
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.training.launch import Request, start_runs
from grokking.training.loop import Execution
from tests.metrics.handmade import cosine_cube

SMALL = {
    "d_model": 16,
    "n_heads": 2,
    "d_mlp": 32,
    "train_frac": 0.5,
    "n_epochs": 20,
    "log_every": 10,
    "checkpoint_every": 10,
}
KEYS = (2, 5)
AMPLITUDE = 40.0


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """trained(p, task, **config) is the directory of a short run, made once. Not to be changed."""
    folder, made = tmp_path_factory.mktemp("runs"), {}

    def of(p: int, task: str, **config: object) -> Path:
        name = f"p{p}_{task}_{len(config)}".replace(",", "_").replace("+", "_")
        if name not in made:
            request = Request(folder, execution=Execution(engine="batched", threads=1))
            made[name] = start_runs({name: RunConfig(p=p, task=task, **SMALL | config)}, request)[0]
        return made[name]

    return of


def measured(view: RunView) -> OverTraining:
    """Everything over training."""
    parts = over_training.parts_to_measure(set(over_training.PARTS), view)
    epochs = over_training.chosen_epochs(view.run.epochs)
    return over_training.gather(view, epochs, [over_training.measure(view, e, parts) for e in epochs])


def cosine_view(path: Path, keys: tuple[int, ...] = KEYS) -> RunView:
    """A run whose final network answers by cosines: A Σ cos(ω_k (s - c)) is its cube of logits.

    Neuron j is 2 + cos(ω_k (a' + j)) + cos(ω_k b'), with the key frequencies in turn.
    """
    run = Run(path)
    grid = RunView(run).grid
    n, acts = grid.n, ActivationCache(run.weights(run.final_epoch), run.shape, run.task)
    logits = np.full((len(run.task.tokens), run.shape.n_classes), -100.0, dtype=np.float32)
    cube = cosine_cube(n, grid.sign, list(keys), AMPLITUDE)
    logits[grid.rows[:, None], grid.group.members] = cube.reshape(-1, n)
    neurons = np.zeros((len(run.task.tokens), run.shape.d_mlp), dtype=np.float32)
    a, b = np.divmod(np.arange(n * n), n)
    for j in range(run.shape.d_mlp):
        k = keys[j % len(keys)]
        neurons[grid.rows, j] = 2 + np.cos(2 * np.pi * k * (a + j) / n) + np.cos(2 * np.pi * k * b / n)
    acts.__dict__["outputs"] = PairOutputs(torch.from_numpy(neurons), torch.from_numpy(logits))
    return RunView(run, networks={run.final_epoch: acts})


@pytest.fixture(scope="session")
def cosines(trained: Callable[..., Path]) -> RunView:
    """Multiplication mod 23 (n = 22) answered by cosines of frequencies 2 and 5."""
    return cosine_view(trained(23, "mul"))


@pytest.fixture(scope="session")
def cosines_over(cosines: RunView) -> OverTraining:
    """The same over training."""
    return measured(cosines)

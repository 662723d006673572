"""A model added from outside the package trains on the engines that can serve it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch

from grokking.config import RunConfig
from grokking.engines.choose import choose_engine, make_trainer
from grokking.engines.outputs import task_outputs
from grokking.engines.parameters import Parameters
from grokking.errors import UserError
from grokking.from_config import initial_weights, shape_of, task_of
from grokking.models import MODELS
from grokking.storage.run_directory import RunDirectory
from grokking.training import memory_check
from grokking.training.loop import Execution, Job, train
from tests.training.exact import train_pairs

Contents = Callable[[Path], dict[str, bytes]]
CPU = torch.device("cpu")
MLP, TABLE = "toy_mlp", "toy_table"


@pytest.fixture(autouse=True)
def _added() -> Iterator[None]:
    MODELS.names()  # the registry's own search comes first, as in any program
    for entry in import_module("tests.training.toy_models").ENTRIES:
        MODELS.register(entry)
    yield
    for name in (MLP, TABLE):
        MODELS.unregister(name)


def config_of(model: str, **changes: object) -> RunConfig:
    return RunConfig(
        model=model,
        **{"p": 7, "train_frac": 0.5, "n_epochs": 60, "log_every": 10, "checkpoint_every": 25, **changes},
    )


def updated(engine: str, config: RunConfig) -> Parameters:
    parameters = Parameters(config, initial_weights(config), CPU)
    make_trainer(engine, [(parameters, train_pairs(config))], 1).advance(1)
    return parameters


@pytest.mark.parametrize("model", [MLP, TABLE])
def test_both_engines_have_its_gradient(model: str) -> None:
    config = config_of(model, task="add,mul")
    reference, batched = (updated(engine, config) for engine in ("reference", "batched"))
    assert reference.flat_gradient.norm() > 0
    torch.testing.assert_close(batched.flat_gradient, reference.flat_gradient)


def test_a_gradient_worked_out_by_hand() -> None:
    """Where logits are sums of rows, the gradient of a row is the mean of softmax less answer."""
    config = config_of(TABLE)
    parameters, pairs = updated("reference", config), train_pairs(config)
    tokens, answers = torch.from_numpy(pairs.tokens), torch.from_numpy(pairs.answers)
    table = initial_weights(config)["table"].double()
    error = table[tokens].sum(1).softmax(1) - torch.eye(7, dtype=torch.float64)[answers]
    expected = torch.zeros_like(table)
    for position in range(3):
        expected.index_add_(0, tokens[:, position], error / len(tokens))
    torch.testing.assert_close(parameters.gradient["table"].double(), expected, rtol=1e-4, atol=1e-6)


def test_the_numba_engine_is_never_taken_silently() -> None:
    parameters = Parameters(config_of(MLP), initial_weights(config_of(MLP)), CPU)
    assert choose_engine("auto", parameters) == "batched"
    with pytest.raises(UserError, match="numba cannot serve this run: the model toy_mlp"):
        choose_engine("numba", parameters)


@pytest.mark.parametrize("engine", ["batched", "reference"])
@pytest.mark.parametrize("model", [MLP, TABLE])
def test_a_resumed_run_is_the_straight_one(
    engine: str, model: str, train_run: Callable[..., Path], tmp_path: Path, results: Contents
) -> None:
    config = config_of(model, warmup=5)
    straight = train_run(config, tmp_path / "straight", engine=engine, threads=1)
    resumed = tmp_path / "resumed"
    for n_epochs in (30, config.n_epochs):
        train_run(replace(config, n_epochs=n_epochs), resumed, engine=engine, threads=1)
    assert results(resumed) == results(straight)


@pytest.mark.parametrize("engine", ["batched", "reference"])
def test_seeds_trained_together_are_as_many_single_runs(
    engine: str, train_run: Callable[..., Path], tmp_path: Path, results: Contents
) -> None:
    configs = [config_of(MLP, seed=seed, n_epochs=20) for seed in (0, 1)]
    jobs = [Job(c, RunDirectory(tmp_path / "together" / str(c.seed))) for c in configs]
    train(jobs, Execution(engine=engine, threads=1), shown=False)
    for config, job in zip(configs, jobs, strict=True):
        alone = train_run(config, tmp_path / "alone" / str(config.seed), engine=engine, threads=1)
        assert results(job.directory.path) == results(alone)


def test_what_a_model_lacks_is_null_in_the_history(train_run: Callable[..., Path], tmp_path: Path) -> None:
    rows = {
        model: RunDirectory(train_run(config_of(model, n_epochs=10), tmp_path / model)).history()
        for model in (MLP, TABLE)
    }
    assert set(rows[MLP]) == set(rows[TABLE])
    assert rows[TABLE]["fourier_strength"] == rows[TABLE]["gini"] == [None, None]
    assert all(0 <= value <= 1 for value in rows[MLP]["fourier_strength"])
    assert all(value > 0 for value in rows[TABLE]["train_loss"])


def test_a_model_without_neurons_says_so() -> None:
    for model, n_neurons in ((MLP, 12), (TABLE, 0)):
        config = config_of(model)
        found = task_outputs(initial_weights(config), shape_of(config), task_of(config).tokens)
        assert found.neurons.shape == (49, n_neurons)
        assert found.logits.shape == (49, 7)
        assert found.has_neurons == bool(n_neurons)


def test_memory_is_estimated_from_what_autograd_saves() -> None:
    """A hidden layer twice as wide saves more, and more pairs take more."""
    small, wide, many = (config_of(MLP, **c) for c in ({}, {"width": 240}, {"p": 31}))
    of_small, of_wide, of_many = (memory_check.bytes_of_run(c, "batched") for c in (small, wide, many))
    assert of_small < of_wide
    assert of_small < of_many

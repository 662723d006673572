"""The laboratory of the page computes what Python does, from the same bits."""

import hashlib
from typing import Any

import numpy as np
import pytest
import torch

from grokking.config import RunConfig
from grokking.engines.choose import make_trainer
from grokking.engines.outputs import Evaluator
from grokking.engines.parameters import Parameters
from grokking.engines.train_pairs import TrainPairs
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.metrics.events import GrokDetector
from grokking.models.transformer.network import forward
from tests.page.laboratory import RATE, SETTINGS, Visits, ask, config_of, flat, floats
from tests.test_portable_random import PORTABLE_BITS

pytestmark = pytest.mark.slow
GROKS = {"task": "add", "p": 41, "width": 32, "fraction": 0.7}
SEEDS = range(5)
MOST_EPOCHS = 1000
GROK = """([settings, until]) => new Promise((done) => {
    let epoch = null;
    const worker = Timeless.lab.start((message) => {
        if (message.type === 'frame') epoch = message.moments.grokking;
        worker.postMessage({type: 'taken'});
        if (epoch !== null || message.type === 'paused') { worker.terminate(); done(epoch); }
    });
    worker.postMessage({type: 'open', settings: {...settings, lr: 0.004, decay: 1, until}});
    worker.postMessage({type: 'run'});
})"""


@pytest.mark.parametrize(
    "settings",
    [SETTINGS, {"task": "mul", "p": 13, "width": 16, "fraction": 0.3, "seed": 2**31 - 1}],
    ids=["addition", "multiplication"],
)
def test_weights_and_split_are_the_same_bits_as_in_python(visit: Visits, settings: dict[str, Any]) -> None:
    config = config_of(settings)
    weights, is_train = ask(visit(), "start", settings)
    assert floats(weights).tobytes() == flat(dict(initial_weights(config))).tobytes()
    assert np.flatnonzero(is_train).tolist() == split_of(config).train.tolist()


@pytest.mark.parametrize("plain", [False, True], ids=["WebAssembly", "JavaScript"])
@pytest.mark.parametrize("task, p", [("add", 31), ("mul", 13)])
def test_the_first_gradient_is_that_of_float64(visit: Visits, plain: bool, task: str, p: int) -> None:
    settings = SETTINGS | {"task": task, "p": p}
    config, pairs = config_of(settings), task_of(config_of(settings))
    loss, gradient = ask(visit(), "gradient", settings, plain)
    weights = {k: w.double().requires_grad_() for k, w in initial_weights(config).items()}
    train = split_of(config).train
    logits = forward(weights, shape_of(config), torch.as_tensor(pairs.tokens[train]))[:, -1]
    exact = torch.nn.functional.cross_entropy(logits, torch.as_tensor(pairs.answers[train]))
    assert loss == pytest.approx(exact.item(), rel=1e-7)
    at = 0
    for name, wanted in zip(weights, torch.autograd.grad(exact, list(weights.values())), strict=True):
        found = floats(gradient)[at : at + wanted.numel()].reshape(wanted.shape)
        assert np.linalg.norm(found - wanted.numpy()) < 1e-5 * np.linalg.norm(wanted.numpy()), name
        at += wanted.numel()


@pytest.mark.parametrize("plain", [False, True], ids=["WebAssembly", "JavaScript"])
def test_the_losses_of_a_hundred_epochs_are_those_of_python(visit: Visits, plain: bool) -> None:
    """At a rate where 32-bit engines of Python agree among themselves, too (results/live.md)."""
    config = config_of(SETTINGS, lr=RATE)
    task = task_of(config)
    run = (
        Parameters(config, initial_weights(config), torch.device("cpu")),
        TrainPairs.of(task, split_of(config)),
    )
    wanted = make_trainer("batched", [run]).advance(100)[:, 0]
    losses = ask(visit(), "losses", SETTINGS, plain)
    assert losses == pytest.approx(wanted, abs=1e-4)
    assert losses[-1] < losses[0] - 0.1


def test_the_compiled_engine_repeats_its_bits(visit: Visits) -> None:
    v = visit()
    first = ask(v, "bits", SETTINGS)
    assert ask(v, "bits", SETTINGS) == first
    assert ask(visit(), "bits", SETTINGS) == first
    assert ask(v, "bits", SETTINGS | {"seed": 5}) != first


def test_the_digest_of_a_network_in_the_page_is_the_one_that_python_stores(visit: Visits) -> None:
    """The network of tests/test_portable_random.py, drawn here."""
    weights = visit().page.evaluate(
        """Array.from(Timeless.lab.network(Timeless.lab.portable()).initial(
            {p: 11, d_model: 8, n_heads: 2, d_head: 4, d_mlp: 12}, 0))"""
    )
    assert hashlib.sha256(np.float32(weights).tobytes()).hexdigest() == PORTABLE_BITS


def trainer_of(config: RunConfig, engine: str) -> tuple[Any, Parameters]:
    """An engine of Python with the run that it trains."""
    task, parameters = task_of(config), Parameters(config, initial_weights(config), torch.device("cpu"))
    return make_trainer(engine, [(parameters, TrainPairs.of(task, split_of(config, task)))]), parameters


def grokking_epoch(config: RunConfig, engine: str) -> float:
    """By ``GrokDetector``, evaluated every ten epochs as in training; infinity where it is not reached."""
    task, (trainer, parameters) = task_of(config), trainer_of(config, engine)
    test, detector = split_of(config, task).test, GrokDetector()
    evaluator = Evaluator(shape_of(config), task.tokens[test], task.answers[test], task.n_answers)
    for epoch in range(10, MOST_EPOCHS + 1, 10):
        trainer.advance(10)
        detector.look(epoch, evaluator.accuracy(parameters.weights))
        if detector.epoch is not None:
            break
    return detector.epoch or np.inf


def test_grokking_comes_when_it_comes_in_python(visit: Visits) -> None:
    """Five seeds: each median epoch lies within the range of the other, and four or more grok."""
    v = visit()
    page, python = [], []
    for seed in SEEDS:
        settings = GROKS | {"seed": seed}
        page.append(v.page.evaluate(GROK, [settings, MOST_EPOCHS]) or np.inf)
        python.append(grokking_epoch(config_of(settings, lr=4e-3), "auto"))
    assert min(np.isfinite(page).sum(), np.isfinite(python).sum()) >= 4
    assert min(python) <= np.median(page) <= max(python)
    assert min(page) <= np.median(python) <= max(page)

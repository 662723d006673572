"""The ways to compute a gradient, which of them a run takes, and how runs are advanced by them.

numba      look-up tables, hand-written gradient, tiles in cache; CPU, the plain one-layer transformer
batched    all runs in one batch under autograd, attention by look-up; any model, any device
reference  the readable forward under autograd, one run after the other; any model, any device

Every engine serves every optimiser and every gradient filter. The numba engine has AdamW compiled; for any
other, and where a filter or a clamp comes in between, it computes the gradient and hands it over. It serves
the losses that it has compiled, in float64; the other engines serve every loss.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch

from grokking.engines import lookup
from grokking.engines.batched import BatchTrainer
from grokking.engines.numba.tables import COMPILED_LOSSES, fits_tables
from grokking.engines.outputs import numba_applies
from grokking.engines.parameters import Parameters
from grokking.engines.reference import ReferenceUpdates
from grokking.engines.threads import Workers, default_threads, shared_workers
from grokking.engines.train_pairs import TrainPairs
from grokking.errors import UserError
from grokking.losses import LOSSES
from grokking.models import MODELS
from grokking.tasks.base import N_CTX

NUMBA, BATCHED, REFERENCE = ENGINES = ("numba", "batched", "reference")
AUTO = "auto"
NAMES_OF_0_1 = {"compiled": NUMBA, "lookup": BATCHED, "plain": REFERENCE}
"""What version 0.1 called the engines; still accepted, and found in the config.json of its runs."""


class Trainer(Protocol):
    """R runs that go forward together; ``advance`` is all that training asks for."""

    def advance(self, n: int) -> np.ndarray:
        """Make ``n`` updates of every run; returns the losses before each, float64 [n, R]."""
        ...


class Updates(Protocol):
    """Full-batch updates of one run."""

    def advance(self, losses: np.ndarray) -> None:
        """One update for each of ``losses`` (float64), which receive the train loss before it."""
        ...


class SeparateTrainer:
    """Every run with an engine of its own; several runs are spread over the threads."""

    def __init__(self, runs: Iterable[Updates], workers: Workers) -> None:
        self.runs, self.workers = list(runs), workers

    def advance(self, n: int) -> np.ndarray:
        """As ``Trainer.advance``."""
        losses = np.empty((len(self.runs), n))
        calls = [partial(run.advance, row) for run, row in zip(self.runs, losses, strict=True)]
        if len(calls) == 1:
            calls[0]()
        else:
            self.workers.run(calls)
        return losses.T


def engine_name(name: str) -> str:
    """The present name of an engine, for one that may be of version 0.1; "auto" stays what it is.

    Raises UserError for an unknown name.
    """
    name = NAMES_OF_0_1.get(name, name)
    if name not in (AUTO, *ENGINES):
        raise UserError(f"unknown engine {name!r}; known: {AUTO}, {', '.join(ENGINES)}")
    return name


def choose_engine(name: str, parameters: Parameters) -> str:
    """The engine that ``name`` means for this run: ``auto`` takes the fastest that can serve it.

    Raises UserError for an unknown name, and for an engine that cannot serve the run.
    """
    name = engine_name(name)
    obstacles = {engine: _obstacle(engine, parameters) for engine in ENGINES}
    if name == AUTO:
        return next(engine for engine in ENGINES if obstacles[engine] is None)
    if obstacles[name] is not None:
        raise UserError(f"engine {name} cannot serve this run: {obstacles[name]}; use --engine {AUTO}")
    return name


def _obstacle(engine: str, parameters: Parameters) -> str | None:
    """Why an engine cannot serve a run, in words; None if it can."""
    model = MODELS.get(parameters.shape.model)
    if engine not in model.engines and engine != REFERENCE:
        return f"the model {model.name} is served by {', '.join(model.engines)}"
    if engine != NUMBA:
        return None
    if parameters.config.loss_dtype != "float64":
        return f"its loss is in float64, not in {parameters.config.loss_dtype}"
    if not numba_applies(parameters.weights, parameters.shape):
        return _why_no_tables(parameters.shape, parameters.flat.device)
    loss = LOSSES.get(parameters.config.loss)
    if getattr(loss, "compiled_loss", "") not in COMPILED_LOSSES:
        return f"the loss {loss.name} is not compiled"
    return None


def _why_no_tables(shape: Any, device: torch.device) -> str:
    """What keeps the numba engine from a run that it cannot serve."""
    if not lookup.serves(shape):
        return "its tables know the one-layer transformer only"
    if shape.n_ctx != N_CTX:
        return "it serves questions with two operands"
    if not fits_tables(shape):
        return "its tables know neither layer norm nor GELU nor extra biases"
    if device.type != "cpu":
        return f"it runs on the CPU, not on {device}"
    return "numba is missing"


def make_trainer(
    engine: str, runs: Sequence[tuple[Parameters, TrainPairs]], threads: int | None = None
) -> Trainer:
    """A trainer of these runs by a named engine (one that ``choose_engine`` returned)."""
    workers = shared_workers(threads or default_threads())
    if engine == BATCHED:
        return BatchTrainer(runs)
    if engine == REFERENCE:
        return SeparateTrainer((ReferenceUpdates(p, pairs) for p, pairs in runs), shared_workers(1))
    from grokking.engines.numba.engine import NumbaUpdates  # needs numba

    # One run is cut into shards; of several, each has a thread to itself.
    inner = workers if len(runs) == 1 else shared_workers(1)
    return SeparateTrainer((NumbaUpdates(p, pairs, inner) for p, pairs in runs), workers)


def choose_device(name: str) -> torch.device:
    """The device called ``name``; ``auto`` is CUDA where there is one, else the CPU.

    Raises UserError for an unknown device and for one this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    if name.split(":")[0] != "cuda":
        raise UserError(f"unknown device {name!r}; accepted: auto, cpu, cuda, cuda:N")
    if not torch.cuda.is_available():
        raise UserError(f"device {name!r} is not available: PyTorch finds no CUDA GPU here; use cpu")
    try:
        device = torch.device(name)
        torch.cuda.get_device_properties(device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"device {name!r} is not available: there are {torch.cuda.device_count()} "
            "CUDA GPUs here, counted from cuda:0"
        ) from error
    return device

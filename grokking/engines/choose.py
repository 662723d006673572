"""The ways to compute a gradient, which of them a run takes, and how runs are advanced by them.

compiled   look-up tables, hand-written gradient, tiles in cache; CPU, ReLU, no layer norm
lookup     attention look-ups under autograd; any model, any device, replicas in one batch
plain      the readable forward under autograd: the reference
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import torch

from grokking.engines.batched import BatchTrainer
from grokking.engines.numba.layout import foldable
from grokking.engines.outputs import compiled_applies
from grokking.engines.parameters import Parameters
from grokking.engines.reference import PlainUpdates
from grokking.engines.threads import Workers, available_threads, shared_workers
from grokking.engines.train_pairs import TrainPairs
from grokking.errors import UserError
from grokking.tasks.base import N_CTX

ENGINES = ("compiled", "lookup", "plain")


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
        work = [partial(run.advance, own) for run, own in zip(self.runs, losses, strict=True)]
        if len(work) == 1:
            work[0]()
        else:
            self.workers.run(work)
        return losses.T


def choose_engine(name: str, parameters: Parameters) -> str:
    """The engine that ``name`` means for this model: ``auto`` takes the fastest that applies.

    Raises UserError for an unknown name or an engine that does not apply.
    """
    applies = compiled_applies(parameters.weights, parameters.shape)
    if name == "auto":
        return "compiled" if applies else "lookup"
    if name not in ENGINES:
        raise UserError(f"unknown engine {name!r}; known: auto, {', '.join(ENGINES)}")
    if name == "compiled" and not applies:
        why = (
            "numba is missing"
            if foldable(parameters.shape)
            else "layer norm, GELU and extra biases do not fold"
        )
        if parameters.shape.n_ctx != N_CTX:
            why = "it serves questions with two operands"
        elif parameters.flat.device.type != "cpu":
            why = f"it runs on the CPU, not on {parameters.flat.device}"
        raise UserError(f"engine compiled cannot serve this run: {why}; use --engine auto")
    return name


def make_trainer(
    engine: str, runs: Sequence[tuple[Parameters, TrainPairs]], threads: int | None = None
) -> Trainer:
    """A trainer of these runs by a named engine (one that ``choose_engine`` returned)."""
    workers = shared_workers(threads or available_threads())
    if engine == "lookup":
        return BatchTrainer(runs)
    if engine == "plain":
        return SeparateTrainer((PlainUpdates(p, pairs) for p, pairs in runs), shared_workers(1))
    from grokking.engines.numba.engine import CompiledUpdates  # needs numba

    # One run is cut into shards; of several, each has a thread to itself.
    inner = workers if len(runs) == 1 else shared_workers(1)
    return SeparateTrainer((CompiledUpdates(p, pairs, inner) for p, pairs in runs), workers)


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

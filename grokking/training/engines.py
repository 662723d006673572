"""The ways to compute one gradient, and which of them a run takes."""

from collections.abc import Callable
from typing import Protocol

import torch

from grokking.errors import UserError
from grokking.lookup.outputs import compiled_applies
from grokking.lookup.tables import foldable
from grokking.lookup.workers import available_threads, shared_workers
from grokking.training.data import TrainPairs
from grokking.training.general import GeneralGradient
from grokking.training.parameters import Parameters
from grokking.training.plain import PlainGradient


class GradientEngine(Protocol):
    """One full-batch gradient of the loss."""

    name: str

    def loss_and_gradient(self) -> float:
        """The train loss of ``parameters.weights``; writes ``parameters.gradient``."""
        ...


def _compiled(parameters: Parameters, pairs: TrainPairs, threads: int) -> GradientEngine:
    from grokking.training.compiled import CompiledGradient  # needs numba

    return CompiledGradient(parameters, pairs, shared_workers(threads))


ENGINES: dict[str, Callable[[Parameters, TrainPairs, int], GradientEngine]] = {
    "compiled": _compiled,
    "lookup": lambda parameters, pairs, _: GeneralGradient(parameters, pairs),
    "plain": lambda parameters, pairs, _: PlainGradient(parameters, pairs),
}


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
        why = "numba is missing" if foldable(parameters.shape) else "layer norm and GELU do not fold"
        if parameters.flat.device.type != "cpu":
            why = f"it runs on the CPU, not on {parameters.flat.device}"
        raise UserError(f"engine compiled cannot serve this run: {why}; use --engine auto")
    return name


def make_engine(
    name: str, parameters: Parameters, pairs: TrainPairs, threads: int | None = None
) -> GradientEngine:
    """The engine called ``name`` (see ``choose_engine``), on ``threads`` threads."""
    chosen = choose_engine(name, parameters)
    return ENGINES[chosen](parameters, pairs, threads or available_threads())


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
        raise UserError(f"device {name!r} is not available: there are {torch.cuda.device_count()} "
                        "CUDA GPUs here, counted from cuda:0") from error
    return device

"""Train one run into its run directory, from the start or from where it stopped."""

import math
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.errors import Stopped, UserError
from grokking.initial import initial_weights, make_split
from grokking.lookup.outputs import Evaluator
from grokking.lookup.workers import available_threads, torch_threads
from grokking.metrics.observation import Observation
from grokking.metrics.row import all_finite, measure_row
from grokking.model import ModelShape
from grokking.runs import Checkpoint, RunDirectory
from grokking.tasks import Split, Task, make_task
from grokking.training.data import TrainPairs
from grokking.training.engines import GradientEngine, choose_device, make_engine
from grokking.training.history import History
from grokking.training.parameters import Parameters
from grokking.training.progress import Progress
from grokking.training.resume import resume_or_begin
from grokking.training.watch import LOOK_EVERY, Watch


@dataclass(frozen=True)
class Execution:
    """On what a run is computed. Does not decide its numbers beyond rounding.

    device: "auto", "cpu", "cuda", "cuda:N".  engine: "auto" or a name of ``engines.ENGINES``.
    threads: of the compiled engine, None for all processors.
    """

    device: str = "auto"
    engine: str = "auto"
    threads: int | None = None


@dataclass
class RunState:
    """A run in memory: what the loop reads and writes."""

    config: RunConfig
    directory: RunDirectory
    task: Task
    split: Split
    parameters: Parameters
    epoch: int = 0
    history: History = field(default_factory=History)
    watch: Watch = field(default_factory=Watch)

    def checkpoint(self, kept: str) -> Checkpoint:
        """The present state."""
        return Checkpoint(self.epoch, self.parameters.weights, self.config, kept,
                          self.parameters.optimiser_state(), self.watch.as_dict())


def train(
    config: RunConfig,
    directory: RunDirectory,
    execution: Execution = Execution(),
    about: Mapping[str, Any] | None = None,
    start_from: Mapping[str, Tensor] | None = None,
) -> None:
    """Train until ``config.n_epochs``, measuring and keeping weights on the way.

    A run directory that holds part of this run is continued, to the same bits as one that was never
    interrupted. ``about`` goes into config.json, ``start_from`` replaces the drawn weights.

    Raises UserError for anything a run cannot be made from, Stopped after a signal.
    """
    device = choose_device(execution.device)
    task = make_task(config.p, config.task)
    split = make_split(task, config)
    weights = dict(start_from) if start_from is not None else initial_weights(config)
    parameters = Parameters(config, weights, device)
    engine = make_engine(execution.engine, parameters, TrainPairs.of(task, split), execution.threads)
    state = RunState(config, directory, task, split, parameters)
    execution_record = {"device": str(device), "engine": engine.name,
                        "threads": execution.threads or torch.get_num_threads()}
    resume_or_begin(state, {**(about or {}), "execution": execution_record})
    # The compiled engine brings its own threads.
    with torch_threads(1 if engine.name == "compiled" else torch.get_num_threads()):
        _run(state, engine)


def _run(state: RunState, engine: GradientEngine) -> None:
    config, look = state.config, _Look(state)
    name = state.directory.path.name
    with Progress(name, state.epoch, config.n_epochs) as progress, _signals() as caught:
        while True:
            _measure_and_keep(state, look, progress)
            if state.epoch >= config.n_epochs:
                return
            if caught:
                _keep(state, "")
                raise Stopped(caught[0], state.epoch)
            loss = engine.loss_and_gradient()
            if not math.isfinite(loss):
                _diverged(state, "the train loss")
            state.parameters.update(state.epoch)
            state.epoch += 1
            progress.update()


class _Look:
    """Test accuracy by operation, between rows."""

    def __init__(self, state: RunState) -> None:
        test = state.split.test
        self.operation = state.task.operation_of_pair[test]
        self.names = state.task.names
        self.evaluator = Evaluator(
            ModelShape.of(state.config), state.task.tokens[test], state.task.answers[test]
        )

    def accuracies(self, weights: Mapping[str, Tensor]) -> dict[str, float]:
        hits = self.evaluator.losses_and_hits(weights)[1]
        return {name: float(np.mean(hits[self.operation == i])) for i, name in enumerate(self.names)}


def _measure_and_keep(state: RunState, look: _Look, progress: Progress) -> None:
    """Everything that is due at the present epoch. Nothing here changes weights or moments."""
    config, epoch, weights = state.config, state.epoch, state.parameters.weights
    last = epoch == config.n_epochs
    if state.history.epochs and epoch <= state.history.epochs[-1]:
        return  # continued from here: this epoch was dealt with before the interruption
    if epoch % LOOK_EVERY == 0 or last:
        if not all_finite(weights):
            _diverged(state, "a weight")
        if epoch % LOOK_EVERY == 0:
            state.watch.look(epoch, look.accuracies(weights))
    if epoch % config.log_every == 0 or last:
        shape = ModelShape.of(config)
        with torch_threads(available_threads()):
            row = measure_row(Observation(weights, shape, state.task), state.split)
        state.history.append(epoch, row)
        progress.show(row)
    if state.watch.should_keep(epoch, config.checkpoint_every):
        state.watch.kept(epoch)
        _keep(state, "schedule")
    elif last:
        _keep(state, "last")


def _keep(state: RunState, kept: str) -> None:
    # History first: a checkpoint then never lacks the rows that lead up to it.
    extra = state.watch.grokking_epochs()
    state.directory.write_history(state.history.record(state.config, extra))
    state.directory.save(state.checkpoint(kept))


def _diverged(state: RunState, what: str) -> None:
    good = state.directory.epochs()
    where = f"the last good weights are those of epoch {good[-1]}" if good else "no weights were kept"
    raise UserError(f"{what} is not finite at epoch {state.epoch}: the run diverged; {where}. "
                    f"Try a smaller lr than {state.config.lr}, or --warmup")


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM; a second one of either ends the process at once."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return

    def note(number: int, _: Any) -> None:
        caught.append(number)
        signal.signal(number, signal.SIG_DFL)

    before = {s: signal.signal(s, note) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

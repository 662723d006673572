"""Train one run, or several together, each into its run directory, from where it stopped."""

import io
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, TextIO

import numpy as np
import torch
from torch import Tensor

from grokking.config import RunConfig
from grokking.engines.choose import NUMBA, Trainer, choose_device, choose_engine, make_trainer
from grokking.engines.parameters import Parameters
from grokking.engines.threads import default_threads, flushed_denormals, threads_limited, torch_threads
from grokking.engines.train_pairs import TrainPairs
from grokking.errors import Diverged, Stopped, UserError, warn
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.guard import unhurried
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import measure_row, not_finite
from grokking.storage.checkpoint import LAST, RECOVERY, SCHEDULE
from grokking.storage.run_directory import RunDirectory
from grokking.training.disk_check import require_space
from grokking.training.memory_check import require_memory
from grokking.training.periodic_eval import PeriodicEval
from grokking.training.progress import Progress
from grokking.training.resume import resume_or_begin
from grokking.training.signals import graceful_shutdown
from grokking.training.state import SPIKES, MetricCallback, RunState
from grokking.training.training_monitor import EVAL_EVERY, RECOVERY_EVERY

SECONDS_TO_A_STOP = 2.0
"""Epochs that are slow are made one by one, so that a signal is heard soon."""


@dataclass(frozen=True)
class Execution:
    """On what runs are computed. Does not decide their numbers beyond rounding.

    device: "auto", "cpu", "cuda", "cuda:N".  engine: "auto" or one of ``engines.choose.ENGINES``.
    threads: of the numba engine, None for ``default_threads``.
    """

    device: str = "auto"
    engine: str = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class Job:
    """One run to make. ``about`` goes into config.json; ``start_from`` replaces the drawn weights;
    with ``overwrite`` the run that lies in the directory is deleted once all checks have passed;
    with ``until_grokked`` it is left, to be continued or not, once its grokking epoch is certain;
    ``mirror`` is shown every new row of the history.
    """

    config: RunConfig
    directory: RunDirectory
    about: Mapping[str, Any] = field(default_factory=dict)
    start_from: Mapping[str, Tensor] | None = None
    overwrite: bool = False
    until_grokked: bool = False
    metric_callback: MetricCallback | None = None


def never() -> bool:
    """No reason to stop."""
    return False


def train(
    jobs: Sequence[Job],
    execution: Execution = Execution(),
    shown: bool = True,
    should_stop: Callable[[], bool] = never,
) -> None:
    """Train every job until its ``n_epochs``, measuring and keeping weights on the way.

    shown: whether progress goes to stderr.  should_stop: asked between updates, at least every ten
    of them; its yes ends the training as SIGTERM does.

    A run directory that holds part of its run is continued, to the same bits as one that was never
    interrupted (on the same machine, with the same number of threads).

    Raises UserError for anything a run cannot be made from, if the runs do not fit into memory, if
    another process writes into one of the directories, and at the end if a run diverged; Stopped
    after a signal.
    """
    device = choose_device(execution.device)
    first = _new_state(jobs[0], device)
    engine = choose_engine(execution.engine, first.parameters)
    require_memory([job.config for job in jobs], engine, device)  # before the others take any
    states = [first, *(_new_state(job, device) for job in jobs[1:])]
    threads = execution.threads or default_threads()
    about = {"device": str(device), "engine": engine, "threads": threads, "runs": len(jobs)}
    with ExitStack() as only_writer:
        require_space({job.directory: job.config for job in jobs})
        for job in jobs:
            only_writer.enter_context(job.directory.writing())
        for job, state in zip(jobs, states, strict=True):
            if job.overwrite:
                job.directory.clear()
            resume_or_begin(state, {**job.about, "execution": about})
        # The numba engine brings its own threads.
        torch_s = 1 if engine == NUMBA else threads
        with flushed_denormals(), threads_limited(threads), torch_threads(torch_s):
            try:
                _run(states, engine, threads, None if shown else io.StringIO(), should_stop)
            except torch.OutOfMemoryError as error:  # only GPUs say so; others' programs may have grown
                raise UserError(
                    f"{device} ran out of memory with {len(jobs)} runs; everything saved so far is "
                    "safe: train fewer runs together, and the same command resumes"
                ) from error


def _new_state(job: Job, device: torch.device) -> RunState:
    task = task_of(job.config)
    split = split_of(job.config, task)
    weights = initial_weights(job.config) if job.start_from is None else job.start_from
    parameters = Parameters(job.config, weights, device)
    return RunState(
        job.config,
        job.directory,
        task,
        split,
        parameters,
        until_grokked=job.until_grokked,
        metric_callback=job.metric_callback,
    )


def _run(
    states: Sequence[RunState],
    engine: str,
    threads: int,
    stream: TextIO | None,
    should_stop: Callable[[], bool],
) -> None:
    evaluations = {id(state): PeriodicEval(state) for state in states}
    failures: list[UserError] = []
    most = EVAL_EVERY
    name = states[0].directory.path.name if len(states) == 1 else f"{len(states)} runs"
    done, total = sum(s.epoch for s in states), sum(s.config.n_epochs for s in states)
    with ExitStack() as blocks:
        progress = blocks.enter_context(Progress(name, done, total, stream, several=len(states) > 1))
        for state in states:
            if state.saved_epoch is None:  # a continued run was measured before it was saved
                _measure_and_keep(state, evaluations[id(state)], progress)
        active = [s for s in states if not s.ended]
        trainer = _trainer(active, engine, threads) if active else None
        # Only now: until here there is nothing to save, and compiling would keep a signal waiting.
        blocks.enter_context(unhurried())
        caught = blocks.enter_context(graceful_shutdown())
        while going := [s for s in states if not s.ended]:
            if trainer is None or len(going) < len(active):
                active, trainer = going, _trainer(going, engine, threads)
            if caught or should_stop():
                for state in active:
                    if state.saved_epoch != state.epoch:
                        state.save(RECOVERY)
                for failure in failures:  # otherwise they would not be reported
                    warn(str(failure))
                epochs = {state.epoch for state in active}
                raise Stopped((*caught, signal.SIGTERM)[0], epochs.pop() if len(epochs) == 1 else None)
            n = min(most, *(state.epochs_to_next_event() for state in active))
            began = time.monotonic()
            losses = trainer.advance(n)
            most = max(1, int(n * SECONDS_TO_A_STOP / max(time.monotonic() - began, 1e-9)))
            for state, loss in zip(active, losses.T, strict=True):
                try:
                    _check_finite(state, loss)
                    state.watch.spikes.look(loss.tolist())
                    _measure_and_keep(state, evaluations[id(state)], progress)
                except UserError as failure:
                    failures.append(failure)
                    states = [s for s in states if s is not state]
                    if isinstance(failure, Diverged):
                        with suppress(UserError):  # rows say how it came about; weights stay good
                            state.directory.write_history(state.record())
            progress.update(n * len(active))  # after the rows, so that a line has those of its own epoch
        if caught and not failures:  # the runs are over, but what called us is to end
            raise Stopped(caught[0], max((state.epoch for state in active), default=None))
    if failures:
        raise UserError("; ".join(map(str, failures)))


def _trainer(states: Sequence[RunState], engine: str, threads: int) -> Trainer:
    return make_trainer(engine, [(s.parameters, TrainPairs.of(s.task, s.split)) for s in states], threads)


def _measure_and_keep(state: RunState, evaluation: PeriodicEval, progress: Progress) -> None:
    """Everything that is due at the present epoch. Nothing here changes weights or the optimiser's state."""
    config, epoch, weights = state.config, state.epoch, state.parameters.weights
    if epoch % EVAL_EVERY == 0:
        evaluation.at(state)
    logged = bool(state.history.epochs) and state.history.epochs[-1] == epoch
    if not logged and (epoch % config.log_every == 0 or state.finished):
        acts = ActivationCache(weights, shape_of(config), state.task)
        row = measure_row(acts, state.split, config.extra_measures)
        _check_row(state, row)
        row[SPIKES] = state.watch.spikes.count
        state.history.append(epoch, row)
        if state.metric_callback is not None:
            state.metric_callback(epoch, row)
        progress.show(epoch, row, state.directory.path.name if progress.several else "")
    # Kept by the rule just now, or when a run that is continued here was at this epoch before.
    due = state.watch.should_keep(epoch, config.checkpoint_every, config.checkpoint_density)
    if due or state.watch.kept_epoch == epoch:
        state.watch.kept(epoch)
        state.save(SCHEDULE)
    elif state.finished:
        state.save(LAST)
    elif state.ended or epoch - (state.saved_epoch or 0) >= RECOVERY_EVERY:
        state.save(RECOVERY)


def _check_row(state: RunState, row: Mapping[str, Any]) -> None:
    """Raises UserError if a measurement has left the finite numbers though the weights have not."""
    if (name := not_finite(row)) is not None:
        raise _diverged(state, name, state.epoch)


def _check_finite(state: RunState, losses: np.ndarray) -> None:
    """Raises UserError, naming epoch and last good weights, if a run has left the finite numbers."""
    bad = np.flatnonzero(~np.isfinite(losses))
    if len(bad):
        raise _diverged(state, "the train loss", state.epoch - len(losses) + int(bad[0]))
    if (what := state.parameters.not_finite()) is not None:
        raise _diverged(state, what, state.epoch)


def _diverged(state: RunState, what: str, epoch: int) -> Diverged:
    state.diverged_epoch = epoch
    kept = state.directory.epochs()
    good = f"the last good weights are those of epoch {kept[-1]}" if kept else "no weights were saved"
    return Diverged(
        f"{state.directory.path} diverged: {what} is not finite at epoch {epoch}; {good}. "
        f"Try a smaller lr than {state.config.lr:g}, or --warmup"
    )

"""Resuming a run: from the newest checkpoint that can be resumed, with the history before it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grokking.config import RunConfig, differing_keys
from grokking.engines.choose import NAMES_OF_0_1
from grokking.errors import DamagedFile, Occupied, UserError, warn
from grokking.from_config import shape_of, state_sizes_of
from grokking.models.base import misfit
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.run_directory import HISTORY, RunDirectory
from grokking.training.state import History, RunState
from grokking.training.training_monitor import TrainingMonitor

LONGEST_SHOWN = 60
"""Characters of a config's value in a message."""


def resume_or_begin(state: RunState, about: Mapping[str, Any]) -> None:
    """Bring ``state`` to where its run directory left off; a new directory is begun.

    Everything is read and checked before anything is changed. Raises UserError if the directory
    holds another run, or one that cannot be continued.
    """
    directory, config = state.directory, state.config
    if not directory.exists():
        if directory.epochs():
            raise Occupied(f"{directory.path} contains checkpoints but no config.json")
        directory.create(config, about)
        return
    other = directory.config()
    differing = differing_keys(config, other)
    if differing:
        keys = ", ".join(f"{k} = {_brief(other.get(k))}, not {_brief(config.get(k))}" for k in differing)
        raise Occupied(f"{directory.path} contains a run with another config ({keys})")
    faults = directory.faults()
    checkpoint = newest_resumable(directory, config)
    _name_damaged(directory, faults, checkpoint)
    if checkpoint is None:
        directory.create(config, about)
        return
    if checkpoint.epoch > config.n_epochs:
        raise UserError(
            f"{directory.path} is already trained to epoch {checkpoint.epoch}, beyond "
            f"--n_epochs {config.n_epochs}; ask for more, or --overwrite to start again"
        )
    # A run that was to go on, but is now to end where it stopped, still has its end to do.
    finished = checkpoint.epoch == config.n_epochs == other.n_epochs and bool(checkpoint.kept)
    history = _history_until(state, checkpoint, finished)
    _say_what_changed(directory.record(), about)
    if config.n_epochs != other.n_epochs:
        directory.create(config, about)
    directory.remove_after(checkpoint.epoch)
    directory.finish_save(checkpoint.epoch)
    state.parameters.load(checkpoint.weights, checkpoint.optimiser, checkpoint.epoch)
    state.watch = TrainingMonitor.from_dict(checkpoint.watch)
    ends_here = checkpoint.epoch == config.n_epochs and not finished
    state.history, state.saved_epoch = history, None if ends_here else checkpoint.epoch


def _brief(value: Any) -> str:
    """A value in a message: a whole multiplication table is cut off."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _name_damaged(directory: RunDirectory, faults: Mapping[str, str], used: Checkpoint | None) -> None:
    """A word on stderr for damage that the run can do without."""
    replaced = {directory.checkpoint_path(e).name for e in directory.epochs() if used and e > used.epoch}
    for name, fault in faults.items():
        # Those were named where they were passed over, and a history that is needed is refused.
        if name not in replaced and name != HISTORY:
            warn(f"{directory.path / name} {fault}")


def _say_what_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """A word on stderr where a continued run may differ in its last bits from an uninterrupted one."""
    groups = {"execution": ("device", "engine", "threads", "runs"), "versions": ("torch", "numba")}
    for key, names in groups.items():
        old, new = before.get(key) or {}, now.get(key) or {}
        for name in names:
            if NAMES_OF_0_1.get(str(old.get(name)), old.get(name)) != new.get(name):
                warn(
                    f"{name} was {old.get(name)} and is {new.get(name)} now: the continued "
                    "run may differ in its last bits from an uninterrupted one"
                )


def newest_resumable(directory: RunDirectory, config: RunConfig) -> Checkpoint | None:
    """The newest undamaged checkpoint that can be resumed; None if the run never got that far.

    Damaged ones are named on stderr and passed over.
    """
    epochs = directory.epochs()
    for epoch in reversed(epochs):
        try:
            checkpoint = directory.load(epoch)
            if checkpoint.resumable:
                _check_state(checkpoint, directory.checkpoint_path(epoch), config)
                return checkpoint
        except DamagedFile as error:
            warn(f"{error}; an older checkpoint is used")
    if epochs:
        raise UserError(
            f"no checkpoint of {directory.path} can be resumed: none has an "
            "undamaged optimiser state; give --overwrite to start again"
        )
    return None


def _check_state(checkpoint: Checkpoint, path: Path, config: RunConfig) -> None:
    """Raises DamagedFile unless weights and state fit the config, and the notes are a training loop's."""
    try:
        TrainingMonitor.from_dict(checkpoint.watch)
    except ValueError as error:
        raise DamagedFile(f"{path} is damaged: {error}") from error
    sizes = shape_of(config).parameter_shapes()
    by_state = state_sizes_of(config).items()
    state = {f"{kind}.{name}": size for kind, of_kind in by_state for name, size in of_kind.items()}
    for expected, tensors in ((sizes, checkpoint.weights), (state, checkpoint.optimiser)):
        if (name := misfit(expected, tensors)) is not None:
            raise DamagedFile(f"{path} is damaged: {name} does not fit the run's config")


def _history_until(state: RunState, checkpoint: Checkpoint, finished: bool) -> History:
    """The history up to a checkpoint; a shorter run's last row goes unless the run ends there."""
    history = History.from_record(state.directory.history())
    history.truncate(checkpoint.epoch, 1 if finished else state.config.log_every)
    wanted = checkpoint.epoch if finished else checkpoint.epoch - checkpoint.epoch % state.config.log_every
    logged = history.epochs[-1] if history.epochs else -1
    path = state.directory.path / HISTORY
    if logged != wanted:
        raise DamagedFile(
            f"{path} is damaged: it ends at epoch {logged}, before the checkpoint of epoch "
            f"{checkpoint.epoch}; give --overwrite to start again"
        )
    if sorted(history.columns) != checkpoint.watch.get("columns", sorted(history.columns)):
        raise DamagedFile(
            f"{path} is damaged: its columns are not those that were written; give --overwrite to start again"
        )
    return history

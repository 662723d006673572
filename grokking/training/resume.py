"""Where a run goes on: the newest checkpoint that can be continued, with the history before it."""

import sys
from collections.abc import Mapping
from typing import Any

from grokking.config import differing_keys
from grokking.errors import DamagedFile, UserError
from grokking.runs import Checkpoint, RunDirectory
from grokking.training.history import History
from grokking.training.state import RunState
from grokking.training.watch import Watch


def resume_or_begin(state: RunState, about: Mapping[str, Any]) -> None:
    """Bring ``state`` to where its run directory left off; a new directory is begun.

    Raises UserError if the directory holds another run, or one that cannot be continued.
    """
    directory, config = state.directory, state.config
    if not directory.exists():
        if directory.epochs():
            raise UserError(f"{directory.path} holds checkpoints but no config.json; "
                            "give another --run_name, or --overwrite to start again")
        directory.create(config, about)
        return
    other = directory.config()
    differing = differing_keys(config, other)
    if differing:
        keys = ", ".join(f"{k} = {getattr(other, k)!r}, not {getattr(config, k)!r}" for k in differing)
        raise UserError(f"{directory.path} holds a run of another config ({keys}); "
                        "give another --run_name, or --overwrite to start again")
    checkpoint = newest_resumable(directory)
    if checkpoint is None:
        directory.create(config, about)
        return
    if checkpoint.epoch >= other.n_epochs > config.n_epochs:
        raise UserError(f"{directory.path} is already trained to epoch {checkpoint.epoch}, beyond "
                        f"--n_epochs {config.n_epochs}; ask for more, or --overwrite to start again")
    _say_what_changed(directory.record(), about)
    if config.n_epochs != other.n_epochs:
        directory.create(config, about)
    _restore(state, checkpoint)


def _say_what_changed(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """A word on stderr where a continued run may differ in its last bits from an uninterrupted one."""
    groups = {"execution": ("device", "engine", "threads", "runs"), "versions": ("torch", "numba")}
    for key, names in groups.items():
        old, new = before.get(key) or {}, now.get(key) or {}
        for name in names:
            if old.get(name) != new.get(name):
                print(f"warning: {name} was {old.get(name)} and is {new.get(name)} now: the continued "
                      "run may differ in its last bits from an uninterrupted one", file=sys.stderr)


def newest_resumable(directory: RunDirectory) -> Checkpoint | None:
    """The newest undamaged checkpoint with optimiser state; None if the run never got that far.

    Damaged ones are named on stderr and passed over.
    """
    epochs = directory.epochs()
    for epoch in reversed(epochs):
        try:
            checkpoint = directory.load(epoch)
        except DamagedFile as error:
            print(f"warning: {error}; an older checkpoint is used", file=sys.stderr)
            continue
        if checkpoint.optimiser:
            return checkpoint
    if epochs:
        raise UserError(f"no checkpoint of {directory.path} can be continued from: none has an "
                        "undamaged optimiser state; give --overwrite to start again")
    return None


def _restore(state: RunState, checkpoint: Checkpoint) -> None:
    state.parameters.load(checkpoint.weights, checkpoint.optimiser, checkpoint.epoch)
    state.watch = Watch.from_dict(checkpoint.watch)
    state.directory.remove_after(checkpoint.epoch)
    state.history = History.from_record(state.directory.history())
    state.history.truncate(checkpoint.epoch, state.config.log_every)
    logged = state.history.epochs[-1] if state.history.epochs else -1
    due = checkpoint.epoch - checkpoint.epoch % state.config.log_every
    if logged != due:
        raise DamagedFile(f"history.json of {state.directory.path} ends at epoch {logged}, before "
                          f"the checkpoint of epoch {checkpoint.epoch}; give --overwrite")

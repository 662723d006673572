"""How much room on the disk a run will want, asked before the first hour of work."""

import math
import shutil
from pathlib import Path

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import n_state_numbers_of, shape_of, task_of
from grokking.optim.base import n_numbers
from grokking.storage.run_directory import N_RESUMABLE, RunDirectory
from grokking.training.training_monitor import EVAL_EVERY, KEEP_ACCURACY_STEP, KEEP_GROWTH

HEADER_BYTES = 4096
"""Room for a checkpoint's header and its line in the manifest."""
ROW_BYTES, ROW_BYTES_PER_ANSWER = 1500, 20
"""Room for a row of the history, whose longest list has a share for every frequency."""
FLOAT_BYTES = 4


def most_checkpoints(config: RunConfig) -> int:
    """How many checkpoints ``TrainingMonitor.should_keep`` may keep, whatever the accuracy does."""
    scheduled = 2 + config.n_epochs // config.checkpoint_every
    if config.checkpoint_density == "few":
        return scheduled
    everywhere = EVAL_EVERY / KEEP_GROWTH  # until here, every evaluation saves weights
    grown = min(config.n_epochs, everywhere) / EVAL_EVERY
    grown += math.log(max(config.n_epochs / everywhere, 1)) / math.log1p(KEEP_GROWTH)
    evaluations = min(config.n_epochs // EVAL_EVERY, math.ceil(grown + 1 / KEEP_ACCURACY_STEP))
    return scheduled + evaluations


def bytes_of_run(config: RunConfig) -> int:
    """An upper estimate of a finished run's size, with one file of each kind being replaced."""
    sizes = shape_of(config).parameter_shapes()
    weights = FLOAT_BYTES * n_numbers(sizes)
    state = FLOAT_BYTES * n_state_numbers_of(config)
    resumable = (N_RESUMABLE + 1) * state
    rows = config.n_epochs // config.log_every + 2
    task = task_of(config)
    history = rows * len(task.names) * (ROW_BYTES + ROW_BYTES_PER_ANSWER * task.n_answers)
    return most_checkpoints(config) * (weights + HEADER_BYTES) + resumable + 2 * history


def require_space(wanted: dict[RunDirectory, RunConfig]) -> None:
    """Raises UserError if these runs, less what is there of them already, will not fit on the disk."""
    needed = sum(
        max(0, bytes_of_run(config) - _present(directory))
        for directory, config in wanted.items()
        if config.n_epochs > max(directory.epochs(), default=-1)
    )
    for directory in wanted:
        free = shutil.disk_usage(_existing(directory.path)).free
        if needed > free:
            raise UserError(
                f"{directory.path} has {_shown(free)} of free disk, and {_shown(needed)} may be "
                "needed: free some, give another --output_dir or a larger --checkpoint_every"
            )


def _present(directory: RunDirectory) -> int:
    if not directory.path.is_dir():
        return 0
    return sum(path.stat().st_size for path in directory.path.iterdir() if path.is_file())


def _existing(path: Path) -> Path:
    """The folder that exists and will hold ``path``."""
    path = path.absolute()
    return next(parent for parent in (path, *path.parents) if parent.is_dir())


def _shown(n: int) -> str:
    return f"{n / 1e6:.1f} MB"

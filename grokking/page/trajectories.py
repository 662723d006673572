"""A kinematics run as the page shows it: every launch of its grid, true and answered, step by step."""

from pathlib import Path
from typing import Any

import numpy as np

from grokking.errors import DamagedFile, UserError
from grokking.films.film import FilmOptions
from grokking.films.kinds.kinematics import choose
from grokking.metrics.heights import answered_bins
from grokking.page.extras import read_aligned
from grokking.page.measure import choose_steps
from grokking.page.pack import packed, plain
from grokking.progress_bar import shown
from grokking.runs.kinematics_probes import kinematics_task
from grokking.runs.run import Run, load_run
from grokking.storage.atomic_io import folder_for, write_json
from grokking.storage.provenance import command_text
from grokking.tasks.kinematics import G, KinematicsTask

FILE = "trajectories.json"
MAX_STEPS = 10
"""Checkpoints on the page: each brings an answer for every combination of the grid."""
BYTE = 255
FIELDS = ("x", "angles", "speeds", "answers", "trained", "examples")


def read_trajectories(path: Path | None) -> dict[str, Any] | None:
    """From the directory of a kinematics run, or from a JSON file that ``record_trajectories`` wrote.

    Raises UserError for a run of another task, DamagedFile for a file of another form.
    """
    if path is None:
        return None
    if path.is_dir():
        return measure_trajectories(load_run(path))
    if not path.exists():
        raise UserError(f"{path} does not exist; --kinematics takes a run of --task kinematics or a file")
    record = read_aligned(path, "record of trajectories")
    if missing := [name for name in FIELDS if name not in (record or {})]:
        raise DamagedFile(
            f"{path} is no record of trajectories: it has no {', '.join(missing)}; "
            "grokking record makes one from a kinematics run"
        )
    return record


def measure_trajectories(run: Run) -> dict[str, Any]:
    """What the network answers to the whole grid of launches, at up to ``MAX_STEPS`` of its checkpoints.

    ``{"epochs": [E], "angles": [A] degrees, "speeds": [V] m/s, "x": [X] metres, "known_angles": [A],
    "known_speeds": [V], "ceiling": metres, "bin_height": metres, "gravity": m/s², "answers", "nothing",
    "trained", "examples": [{"angle", "speed"}], "provenance"}``. answers: packed [E, A, V, X], the number of
    a bin, or ``nothing`` where the grid asks nothing (the ball has landed, or is above the ceiling).
    trained: packed bits of [A, V, X], 1 for combinations of the train part.  known_…: whether
    the value may be trained on.  examples: indices of launches worth showing first.
    """
    task = kinematics_task(run)
    kind, nothing = ("u8", BYTE) if task.n_answers <= BYTE else ("i16", -1)
    steps = choose_steps(run.epochs, MAX_STEPS, run.config.imported)
    answers = [
        _on_grid(task, answered_bins(run.observe(epoch)), nothing)
        for epoch in shown(steps, f"{run.name}: page")
    ]
    is_train = np.isin(np.arange(len(task.heights)), run.known_split.train)
    angles, speeds, distances = task.values
    return {
        "epochs": steps,
        "angles": plain(angles),
        "speeds": plain(speeds),
        "x": plain(distances),
        "known_angles": plain(task.trained[0]),
        "known_speeds": plain(task.trained[1]),
        "ceiling": task.options.ceiling,
        "bin_height": task.bin_height,
        "gravity": G,
        "answers": packed(np.stack(answers), kind),
        "nothing": nothing,
        "trained": packed(np.packbits(_on_grid(task, is_train, 0)), "u8"),
        "examples": [{"angle": a, "speed": v} for a, v in choose(run, FilmOptions()).values()],
        "provenance": _provenance(run),
    }


def record_trajectories(source: Path, output: Path) -> Path:
    """Keep ``measure_trajectories`` of a run as a JSON file in a folder; returns it."""
    record = measure_trajectories(load_run(source))
    with folder_for(output):
        write_json(output / FILE, record)
    return output / FILE


def _on_grid(task: KinematicsTask, values: np.ndarray, nothing: int) -> np.ndarray:
    """int64 [A, V, X] of one value per row of the task, ``nothing`` where nothing is asked."""
    grid = np.full(task.height_grid.shape, nothing)
    grid[tuple(task.indices.T)] = values
    return grid


def _provenance(run: Run) -> str:
    record, c = run.directory.record(), run.config
    command = command_text(record.get("command")) or "a command that was not recorded"
    bin_height = kinematics_task(run).bin_height
    return (
        f"Run {run.name}, kinematics with {c.encoding} inputs, bins of {bin_height:g} m, "
        f"seed {c.seed}, commit {record.get('git_commit') or 'not recorded'}. Made by: {command}."
    )

"""A kinematics run as the page shows it: a few launches, true and answered, step by step."""

from pathlib import Path
from typing import Any

import numpy as np

from grokking.errors import UserError
from grokking.films.film import FilmOptions
from grokking.films.kinds.kinematics import choose, on_grid
from grokking.metrics.heights import answered_bins
from grokking.page.extras import read_aligned
from grokking.page.measure import choose_steps
from grokking.page.pack import plain
from grokking.progress_bar import shown
from grokking.runs.kinematics_probes import kinematics_task
from grokking.runs.run import Run, load_run
from grokking.storage.atomic_io import folder_for, write_json
from grokking.storage.provenance import command_text

FILE = "trajectories.json"
MAX_STEPS = 30
DIGITS = 4
WORDS = {
    "train": "trained",
    "mean": "trained",
    "heldout_angles": "angle never trained",
    "heldout_speeds": "speed beyond training",
}


def read_trajectories(path: Path | None) -> dict[str, Any] | None:
    """From the directory of a kinematics run, or from a JSON file that ``record_trajectories`` wrote.

    Raises UserError for a run of another task, DamagedFile for a file of another form.
    """
    if path is None:
        return None
    if not path.is_dir():
        if not path.exists():
            raise UserError(f"{path} does not exist; --kinematics takes a run of --task kinematics or a file")
        return read_aligned(path, "record of trajectories")
    return measure_trajectories(load_run(path))


def measure_trajectories(run: Run) -> dict[str, Any]:
    """The launches of the film: heights in metres over distances in metres, at up to 30 of its checkpoints.

    ``{"epochs": [E], "x": [m], "trajectories": [{"label", "meaning", "true": [m], "predicted":
    [E][m]}], "provenance"}``; None where the grid asks nothing (landed, or above the ceiling).
    """
    task = kinematics_task(run)
    launches = choose(run, FilmOptions())
    steps = choose_steps(run.epochs, MAX_STEPS, run.config.imported)
    true = on_grid(task, task.heights)
    answered = [
        on_grid(task, task.bin_centres(answered_bins(run.observe(epoch))))
        for epoch in shown(steps, f"{run.name}: page")
    ]
    angles, speeds, distances = task.values
    found = [
        {
            "label": f"{angles[a]:.3g}°, {speeds[v]:.3g} m/s ({WORDS[meaning]})",
            "meaning": meaning,
            "true": _rounded(true[a, v]),
            "predicted": [_rounded(grid[a, v]) for grid in answered],
        }
        for meaning, (a, v) in launches.items()
    ]
    return {"epochs": steps, "x": _rounded(distances), "trajectories": found, "provenance": _provenance(run)}


def record_trajectories(source: Path, output: Path) -> Path:
    """Keep ``measure_trajectories`` of a run as a JSON file in a folder; returns it."""
    record = measure_trajectories(load_run(source))
    with folder_for(output):
        write_json(output / FILE, record)
    return output / FILE


def _rounded(values: np.ndarray) -> list[float | None]:
    return list(plain([float(f"{v:.{DIGITS}g}") for v in values]))


def _provenance(run: Run) -> str:
    record, c = run.directory.record(), run.config
    command = command_text(record.get("command")) or "a command that was not recorded"
    bin_height = kinematics_task(run).bin_height
    return (
        f"Run {run.name}, kinematics with {c.encoding} inputs, bins of {bin_height:g} m, "
        f"seed {c.seed}, commit {record.get('git_commit') or 'not recorded'}. Made by: {command}."
    )

"""The kinematics film: true and answered trajectories, and where the answers are wrong, over training."""

from collections.abc import Iterable

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.films.animations.kinematics import KinematicsAnimation, KinematicsData, Trajectory
from grokking.films.film import Film, FilmOptions, curve
from grokking.films.milestones import Words, milestones_of_run
from grokking.metrics.heights import answered_bins, height_errors
from grokking.runs.kinematics_probes import kinematics_task
from grokking.runs.run import Run, last_epoch, logged_series
from grokking.tasks.kinematics import KinematicsTask, height
from grokking.tasks.split import Split

N_FINE = 200
"""Points of a true trajectory: a curve, not a polygon through the asked distances."""
PARTS = {"train": "train", "test": "test", "angles": "heldout_angles", "speeds": "heldout_speeds"}
"""Parts of the rows and the meaning that gives each its colour."""

WORDS = Words(
    "Lines are true flights, dots the network's answers. At first they lie anywhere.",
    "",
    "Flights of trained angles and speeds are answered; the hollow dots were never trained.",
)


def has_heights(run: Run) -> bool:
    """Whether a run's task asks for heights of a projectile."""
    return isinstance(run.task, KinematicsTask)


def open_heights(run: Run, options: FilmOptions) -> Run:  # noqa: ARG001
    """The run itself; raises UserError unless its task asks for heights."""
    _ = kinematics_task(run)
    return run


def choose(run: Run, options: FilmOptions) -> dict[str, tuple[int, int]]:  # noqa: ARG001
    """The (angle, speed) of every trajectory shown, by the meaning of its colour."""
    task = kinematics_task(run)
    angles, speeds = (np.flatnonzero(trained) for trained in task.trained[:2])
    speed = int(speeds[len(speeds) // 2])
    low, high = len(angles) // 5, 4 * len(angles) // 5
    shown = {"train": (int(angles[low]), speed), "mean": (int(angles[high]), speed)}
    unseen_angles, unseen_speeds = (np.flatnonzero(~trained) for trained in task.trained[:2])
    if len(unseen_angles):
        shown["heldout_angles"] = (int(unseen_angles[len(unseen_angles) // 2]), speed)
    if len(unseen_speeds):
        shown["heldout_speeds"] = (int(angles[len(angles) // 2]), int(unseen_speeds[-1]))
    return shown


def collect(run: Run, shown: dict[str, tuple[int, int]], epochs: Iterable[int]) -> KinematicsData:
    """Ask the network of every epoch for all heights of the grid."""
    task, split = kinematics_task(run), run.known_split
    places = [(angle, speed, slice(None)) for angle, speed in shown.values()]
    frame_epochs, answered, errors = [], [], []
    for epoch in epochs:
        acts = run.observe(epoch)
        heights = on_grid(task, task.bin_centres(answered_bins(acts)))
        frame_epochs.append(epoch)
        answered.append([heights[place] for place in places])
        errors.append(mean_over_distances(on_grid(task, np.abs(height_errors(acts)))))
    trained = on_grid(task, np.isin(np.arange(len(task.heights)), split.train).astype(float)) == 1
    angles, speeds, distances = task.values
    fine = np.linspace(distances[0], distances[-1], N_FINE)
    paths = [
        Trajectory(
            f"{angles[a]:.3g}°, {speeds[v]:.3g}",
            meaning,
            fine,
            height(angles[a], speeds[v], fine),
            trained[a, v],
        )
        for meaning, (a, v) in shown.items()
    ]
    return KinematicsData(
        np.array(frame_epochs),
        distances,
        paths,
        np.array(answered),
        task.options.ceiling,
        task.values[:2],
        task.trained[:2],
        np.array(errors),
        task.bin_height,
        accuracy=[
            curve(logged_series(run, f"{part}_acc"), meaning)
            for part, meaning in PARTS.items()
            if f"{part}_acc" in run.history
        ],
        last_epoch=last_epoch(run),
        text=FigureText(
            "A transformer answers how high projectiles fly", config_line(run, split), _caption(task)
        ),
        timeline=milestones_of_run(run).timeline(frame_epochs, WORDS),
    )


def on_grid(task: KinematicsTask, values: np.ndarray) -> np.ndarray:
    """float64 [n_angles, n_speeds, n_distances] of one value per row, NaN where nothing is asked."""
    grid = np.full(task.height_grid.shape, np.nan)
    grid[tuple(task.indices.T)] = values
    return grid


def mean_over_distances(grid: np.ndarray) -> np.ndarray:
    """[n_angles, n_speeds] of [n_angles, n_speeds, n_distances], NaN where no distance is asked."""
    counts = np.isfinite(grid).sum(axis=2)
    return np.where(counts, np.nansum(grid, axis=2) / np.maximum(counts, 1), np.nan)


def config_line(run: Run, split: Split) -> str:
    """The config in words, for the frame."""
    c, n = run.config, len(split.train)
    parts = [
        f"{c.encoding} inputs",
        f"{n:,} of {n + len(split.test):,} trained",
        f"weight decay {c.weight_decay:g}",
        f"learning rate {c.lr:g}",
        f"{c.d_mlp} neurons",
        f"seed {c.seed}",
    ]
    return "    ".join(parts)


def _caption(task: KinematicsTask) -> str:
    how = (
        "Values are tokens: one that was never trained has an embedding that was never trained."
        if task.options.encoding == "categorical"
        else "Values are numbers through a learned map: unseen ones can be asked."
    )
    return (
        "Left: lines are true, dots are answers; full dots were trained. Right: mean error over all "
        f"distances of a launch; triangles: never trained.\n{how}"
    )


FILM = Film("kinematics", has_heights, open_heights, choose, collect, KinematicsAnimation)

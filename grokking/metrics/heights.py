"""Every number that is logged of a kinematics network; ``docs/kinematics.md`` defines them.

Parts of the rows: ``train``; ``test``, unseen combinations of trained values; ``angles`` and
``speeds``, rows whose angle or speed was never trained (``KinematicsTask.heldout_parts``).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int, Int64

from grokking.metrics.activations import ActivationCache
from grokking.metrics.registry import METRICS, Metric, Row, Scope
from grokking.tasks.base import CurveSpec
from grokking.tasks.kinematics import KinematicsTask
from grokking.tasks.split import Split


def parts_of(task: KinematicsTask, split: Split) -> dict[str, Int64[np.ndarray, "_"]]:
    """Rows by part; a part without rows is left out."""
    parts = {"train": split.train, "test": split.test, **task.heldout_parts}
    return {name: rows for name, rows in parts.items() if len(rows)}


def answered_bins(acts: ActivationCache) -> Int64[np.ndarray, "rows"]:
    """int64 [N]: the answer given to every row."""
    return np.asarray(acts.outputs.logits.argmax(dim=1).cpu().numpy())


def height_errors(acts: ActivationCache) -> Float64[np.ndarray, "rows"]:
    """float64 [N], metres: height of the answered bin's centre, less the true height."""
    return np.asarray(acts.task.bin_centres(answered_bins(acts)) - acts.task.heights)


def measure_heights(acts: ActivationCache, split: Split) -> Row:
    """Loss (nats) and ``score`` of the answers, by part of the rows."""
    row: Row = {}
    loss, bins = acts.losses_and_correct[0], answered_bins(acts)
    for part, rows in parts_of(acts.task, split).items():
        row[f"{part}_loss"] = float(loss[rows].mean())
        row |= {f"{part}_{name}": value for name, value in score(bins, acts.task, rows).items()}
    return row


@dataclass(frozen=True)
class Baselines:
    """Answers that need no physics; each is int64 [N], a bin per row of the task.

    commonest: always the most frequent trained answer.  middle: always the median trained height.
    nearest: the answer of the nearest trained combination, in steps of the grid: a look-up table
    that answers an untrained question by the most similar trained one.
    """

    commonest: Int64[np.ndarray, "rows"]
    middle: Int64[np.ndarray, "rows"]
    nearest: Int64[np.ndarray, "rows"]

    @classmethod
    def of(cls, task: KinematicsTask, split: Split) -> "Baselines":
        """Made from the train rows alone."""
        trained, n = task.answers[split.train], len(task.answers)
        commonest = int(np.bincount(trained).argmax())
        middle = int(np.median(trained))
        from scipy.spatial import cKDTree  # here, since a second passes before it is loaded

        found = cKDTree(task.indices[split.train]).query(task.indices)[1]
        return cls(np.full(n, commonest), np.full(n, middle), trained[found])


def score(
    bins: Int[np.ndarray, "rows"], task: KinematicsTask, rows: Int64[np.ndarray, "chosen"]
) -> dict[str, float]:
    """Accuracy, accuracy within one bin, and mean absolute error in metres of answers to some rows.

    bins: int [N], one per row of the task.
    """
    answers, errors = task.answers[rows], task.bin_centres(bins[rows]) - task.heights[rows]
    return {
        "acc": float((bins[rows] == answers).mean()),
        "within_one": float((np.abs(bins[rows] - answers) <= 1).mean()),
        "mae": float(np.abs(errors).mean()),
    }


def _applies(task: object) -> bool:
    return isinstance(task, KinematicsTask)


def _measure(scope: Scope) -> Row:
    return {} if scope.split is None else measure_heights(scope.acts, scope.split)


PARTS = ("train", "test", "angles", "speeds")
HELD_OUT = (
    ("angles", "heldout_angles", "unseen angles"),
    ("speeds", "heldout_speeds", "faster than trained"),
)
METRICS.register(
    Metric(
        "heights",
        _measure,
        [f"{part}_{name}" for part in PARTS for name in ("loss", "acc", "within_one", "mae")],
        applies=_applies,
        table=(
            *(f"{part}_acc" for part in PARTS[2:]),
            *(f"{part}_within_one" for part in PARTS),
            *(f"{part}_mae" for part in PARTS),
        ),
        curves=(
            CurveSpec("accuracy", tuple((f"{part}_acc", colour, label) for part, colour, label in HELD_OUT)),
            CurveSpec(
                "mean error, m",
                (
                    ("train_mae", "train", "train"),
                    ("test_mae", "test", "test"),
                    *((f"{part}_mae", colour, label) for part, colour, label in HELD_OUT),
                ),
                logarithmic=True,
            ),
        ),
        rank=30,
    )
)

"""The task kinematics: how high is a projectile after a distance x, as one of equal bins of height?

    y = x tan θ − g x² / (2 v₀² cos² θ)

θ launch angle, v₀ launch speed, launched from the ground, no drag, g = 9.81 m/s². Angles, speeds and
distances lie on a grid. Combinations below the ground (y < 0: it has landed before x) and at or above the
ceiling are left out, so that every question has an answer in metres.

Some angles, evenly spread between the others, and the fastest speeds are never trained. A share of all other
combinations, drawn from the seed, is trained; the rest tests untrained combinations of trained values. The
encoding decides which claim each part of the rows can test: see ``docs/kinematics.md``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from grokking.config_fields import Options, option, require
from grokking.errors import UserError
from grokking.tasks import TASK_FAMILIES
from grokking.tasks.base import Vocabulary

G = 9.81
"""Acceleration of free fall, m/s²."""
QUANTITIES = ("angle", "speed", "distance")
"""The operands, in the order of their tokens; the task's token comes last."""
N_CTX = len(QUANTITIES) + 1
KINEMATICS = "kinematics"
ENCODINGS = ("categorical", "continuous")
ENDS = ("FIRST", "LAST")
MAX_VALUES = 500
MAX_BINS = 9973


@dataclass(frozen=True)
class KinematicsOptions(Options):
    """The config fields of kinematics: a grid of launches, and which of its values are trained."""

    encoding: str = option("categorical", "a token per value, or scalars through a learned map", ENCODINGS)
    angle_range: tuple[float, float] = option(
        (10.0, 80.0), "lowest and highest launch angle, degrees", metavar=ENDS
    )
    n_angles: int = option(36, "launch angles, evenly spaced")
    heldout_angles: int = option(5, "angles between the others that are never trained")
    speed_range: tuple[float, float] = option(
        (15.0, 40.0), "lowest and highest launch speed, m/s", metavar=ENDS
    )
    n_speeds: int = option(26, "launch speeds, evenly spaced")
    heldout_speeds: int = option(5, "fastest speeds, which are never trained")
    distance_range: tuple[float, float] = option(
        (1.0, 30.0), "nearest and farthest distance, m", metavar=ENDS
    )
    n_distances: int = option(30, "distances, evenly spaced")
    ceiling: float = option(32.0, "heights from 0 up to this, m, are asked for")
    n_bins: int = option(64, "answer classes: equal bins of height from 0 to the ceiling")

    def check(self) -> None:
        """Raises UserError, naming the field."""
        angles = self.angle_range
        require(
            0 < angles[0] < angles[1] < 90,
            "angle_range",
            angles,
            "degrees, 0 < FIRST < LAST < 90: at 90 the projectile goes straight up and tan has no value",
        )
        for name, unit in (("speed_range", "m/s: a speed of 0 launches nothing"), ("distance_range", "m")):
            ends = getattr(self, name)
            require(0 < ends[0] < ends[1], name, ends, f"0 < FIRST < LAST, in {unit}")
        for name in ("n_angles", "n_speeds", "n_distances"):
            require(2 <= getattr(self, name) <= MAX_VALUES, name, getattr(self, name), f"2 to {MAX_VALUES}")
        for name, most in (("heldout_angles", self.n_angles - 2), ("heldout_speeds", self.n_speeds - 2)):
            require(
                0 <= getattr(self, name) <= most, name, getattr(self, name), f"0 to {most}: two must be left"
            )
        require(self.ceiling > 0, "ceiling", self.ceiling, "above 0 m")
        require(2 <= self.n_bins <= MAX_BINS, "n_bins", self.n_bins, f"2 to {MAX_BINS}")


def height(angle: np.ndarray, speed: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """y in metres of angles in degrees, speeds in m/s and distances in m, float64, broadcast."""
    theta = np.radians(angle)
    drop = G * distance**2 / (2 * speed**2 * np.cos(theta) ** 2)
    return np.asarray(distance * np.tan(theta) - drop)


@dataclass(frozen=True)
class KinematicsTask:
    """Every question of a grid of launches that has an answer.

    Token t < n_values stands for a value of one quantity: angles come first, then speeds, then
    distances; token n_values is the task's own.
    """

    options: KinematicsOptions

    @property
    def names(self) -> tuple[str, ...]:
        """As ``Task.names``: a single one."""
        return (KINEMATICS,)

    @property
    def title(self) -> str:
        """What is asked, in a few words."""
        return f"kinematics, {self.options.encoding}"

    @property
    def vocabulary(self) -> Vocabulary:
        """A token for every value of a quantity, or scalars in their place, and one class for every bin."""
        scalars = grid_scalars(self.options)
        return Vocabulary(
            n_numbers=sum(map(len, scalars)),
            n_ops=1,
            n_classes=self.options.n_bins,
            n_ctx=N_CTX,
            scalars=scalars if self.options.encoding == "continuous" else (),
        )

    @property
    def n_answers(self) -> int:
        """Bins of height."""
        return self.options.n_bins

    @cached_property
    def values(self) -> tuple[np.ndarray, ...]:
        """Angles in degrees, speeds in m/s, distances in m: float64, each increasing."""
        return grid_values(self.options)

    @cached_property
    def trained(self) -> tuple[np.ndarray, ...]:
        """Per quantity, bool: which of its values may be trained on."""
        return trained_values(self.options)

    @property
    def bin_height(self) -> float:
        """Metres from one answer to the next."""
        return self.options.ceiling / self.options.n_bins

    @cached_property
    def indices(self) -> np.ndarray:
        """int64 [N, 3]: which angle, speed and distance a row has; by angle, then speed, then distance."""
        rows = np.argwhere((self.height_grid >= 0) & (self.height_grid < self.options.ceiling))
        if not len(rows):
            raise UserError(
                "no height of the grid lies between the ground and the ceiling of "
                f"{self.options.ceiling:g} m; change the ranges or the ceiling"
            )
        return rows.astype(np.int64)

    @cached_property
    def height_grid(self) -> np.ndarray:
        """float64 [n_angles, n_speeds, n_distances], metres; also those that are not asked."""
        return height(*np.meshgrid(*self.values, indexing="ij"))

    @cached_property
    def heights(self) -> np.ndarray:
        """float64 [N], metres."""
        return np.asarray(self.height_grid[tuple(self.indices.T)])

    @cached_property
    def tokens(self) -> np.ndarray:
        """int64 [N, 4]."""
        first = np.cumsum([0, *(len(values) for values in self.values)])
        own = np.full((len(self.indices), 1), first[-1])
        return np.concatenate([self.indices + first[:-1], own], axis=1)

    @cached_property
    def answers(self) -> np.ndarray:
        """int64 [N]: bin b holds heights from b to b + 1 bin heights."""
        return np.minimum((self.heights / self.bin_height).astype(np.int64), self.n_answers - 1)

    @cached_property
    def operation_of_pair(self) -> np.ndarray:
        """int64 [N], zeros: there is one task token."""
        return np.zeros(len(self.indices), dtype=np.int64)

    @cached_property
    def row_of(self) -> np.ndarray:
        """int64 [n_angles, n_speeds, n_distances]: the row of a combination, -1 if it is not asked."""
        rows = np.full(self.height_grid.shape, -1)
        rows[tuple(self.indices.T)] = np.arange(len(self.indices))
        return rows

    def candidates(self, operation: int = 0) -> np.ndarray:  # noqa: ARG002
        """Rows, increasing, that may be trained on: all of their values are."""
        angle, speed, _ = self._seen
        return np.flatnonzero(angle & speed)

    @cached_property
    def heldout_parts(self) -> dict[str, np.ndarray]:
        """Rows with one untrained value: ``angles`` between trained ones, ``speeds`` beyond them."""
        angle, speed, _ = self._seen
        return {"angles": np.flatnonzero(~angle & speed), "speeds": np.flatnonzero(angle & ~speed)}

    @cached_property
    def _seen(self) -> tuple[np.ndarray, ...]:
        return tuple(seen[column] for seen, column in zip(self.trained, self.indices.T, strict=True))

    def bin_centres(self, bins: np.ndarray) -> np.ndarray:
        """Heights in metres that answers stand for."""
        return np.asarray((bins + 0.5) * self.bin_height)


def grid_values(options: KinematicsOptions) -> tuple[np.ndarray, ...]:
    """The values of every quantity: see ``KinematicsTask.values``."""
    ranges = (options.angle_range, options.speed_range, options.distance_range)
    counts = (options.n_angles, options.n_speeds, options.n_distances)
    return tuple(np.linspace(*ends, n) for ends, n in zip(ranges, counts, strict=True))


def trained_values(options: KinematicsOptions) -> tuple[np.ndarray, ...]:
    """Which values are trained: not the chosen angles inside the range, not the fastest speeds."""
    n, out = options.n_angles, options.heldout_angles
    angles = np.ones(n, dtype=bool)
    angles[np.round(np.arange(1, out + 1) * (n - 1) / (out + 1)).astype(int)] = False
    speeds = np.arange(options.n_speeds) < options.n_speeds - options.heldout_speeds
    return angles, speeds, np.ones(options.n_distances, dtype=bool)


def scaled(value: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Values in the units of the continuous encoding: the trained ones span -1 to 1."""
    low, high = trained.min(), trained.max()
    return np.asarray((2 * value - low - high) / (high - low))


def grid_scalars(options: KinematicsOptions) -> tuple[tuple[float, ...], ...]:
    """Per quantity the scalar of each of its values, for the continuous encoding."""
    pairs: Sequence[tuple[np.ndarray, np.ndarray]]
    pairs = list(zip(grid_values(options), trained_values(options), strict=True))
    return tuple(tuple(map(float, scaled(values, values[seen]))) for values, seen in pairs)


class KinematicsFamily:
    """The task family "kinematics": one task, the height of a projectile."""

    name = KINEMATICS
    rank = 90
    options = KinematicsOptions
    init_schemes = ("standard",)
    accepted = "kinematics alone: the height of a projectile"
    readers = "grokking frames kinematics and grokking measure read such runs"
    handlers: Mapping[str, str] = {
        "measure": "grokking.runs.kinematics_probes:measure_and_write",
        "tables": "grokking.runs.kinematics_probes:markdown",
        "record": "grokking.page.trajectories:record_trajectories",
    }
    shown = ("task", "encoding", "train_frac", "weight_decay", "seed")
    presets: Mapping[str, Mapping[str, Any]] = {
        # 4,125 combinations trained.
        "kinematics": {
            "task": KINEMATICS,
            "train_frac": 0.25,
            "d_model": 64,
            "d_mlp": 256,
            "n_epochs": 1000,
            "log_every": 20,
            "checkpoint_every": 100,
        },
    }

    def claims(self, task: str) -> bool:
        """Whether the task is kinematics."""
        return task == KINEMATICS

    def make(self, task: str, options: KinematicsOptions) -> KinematicsTask:  # noqa: ARG002
        """The grid's questions."""
        return KinematicsTask(options)


TASK_FAMILIES.register(KinematicsFamily())

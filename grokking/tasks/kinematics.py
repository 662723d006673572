"""The task kinematics: how high is a projectile after a distance x, as one of equal bins of height?

    y = x tan θ − g x² / (2 v₀² cos² θ)

θ launch angle, v₀ launch speed, launched from the ground, no drag, g = 9.81 m/s². Angles, speeds and
distances lie on a grid. Left out of it, so that every question has an answer in metres, are
combinations below the ground (y < 0: it has landed before x) and at or above the ceiling.

Some angles, evenly spread between the others, and the fastest speeds are never trained. Of all other
combinations a share is trained, drawn from the seed; the rest asks for unseen combinations of seen
values. What a part of the rows can test depends on the encoding: see ``docs/kinematics.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grokking.config import KINEMATICS, RunConfig
from grokking.errors import UserError

G = 9.81
"""Acceleration of free fall, m/s²."""
QUANTITIES = ("angle", "speed", "distance")
"""The operands, in the order of their tokens; the task's token comes last."""
N_CTX = len(QUANTITIES) + 1


def height(angle: np.ndarray, speed: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """y in metres of angles in degrees, speeds in m/s and distances in m, float64, broadcast."""
    theta = np.radians(angle)
    drop = G * distance**2 / (2 * speed**2 * np.cos(theta) ** 2)
    return np.asarray(distance * np.tan(theta) - drop)


@dataclass(frozen=True)
class KinematicsTask:
    """Every question of a config's grid that has an answer.

    Token t < n_values stands for a value of one quantity: angles come first, then speeds, then
    distances; token n_values is the task's own.
    """

    config: RunConfig

    @property
    def names(self) -> tuple[str, ...]:
        """As ``Task.names``: a single one."""
        return (KINEMATICS,)

    @property
    def title(self) -> str:
        """What is asked, in a few words."""
        return f"kinematics, {self.config.encoding}"

    @property
    def n_answers(self) -> int:
        """Bins of height."""
        return self.config.n_bins

    @cached_property
    def values(self) -> tuple[np.ndarray, ...]:
        """Angles in degrees, speeds in m/s, distances in m: float64, each increasing."""
        return grid_values(self.config)

    @cached_property
    def trained(self) -> tuple[np.ndarray, ...]:
        """Per quantity, bool: which of its values may be trained on."""
        return trained_values(self.config)

    @property
    def bin_height(self) -> float:
        """Metres from one answer to the next."""
        return self.config.ceiling / self.config.n_bins

    @cached_property
    def indices(self) -> np.ndarray:
        """int64 [N, 3]: which angle, speed and distance a row has; by angle, then speed, then distance."""
        rows = np.argwhere((self.height_grid >= 0) & (self.height_grid < self.config.ceiling))
        if not len(rows):
            raise UserError(
                "no height of the grid lies between the ground and the ceiling of "
                f"{self.config.ceiling:g} m; change the ranges or the ceiling"
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


def grid_values(config: RunConfig) -> tuple[np.ndarray, ...]:
    """The values of every quantity: see ``KinematicsTask.values``."""
    ranges = (config.angle_range, config.speed_range, config.distance_range)
    counts = (config.n_angles, config.n_speeds, config.n_distances)
    return tuple(np.linspace(*ends, n) for ends, n in zip(ranges, counts, strict=True))


def trained_values(config: RunConfig) -> tuple[np.ndarray, ...]:
    """Which values are trained: not the chosen angles inside the range, not the fastest speeds."""
    n, out = config.n_angles, config.heldout_angles
    angles = np.ones(n, dtype=bool)
    angles[np.round(np.arange(1, out + 1) * (n - 1) / (out + 1)).astype(int)] = False
    speeds = np.arange(config.n_speeds) < config.n_speeds - config.heldout_speeds
    return angles, speeds, np.ones(config.n_distances, dtype=bool)


def scaled(value: np.ndarray, trained: np.ndarray) -> np.ndarray:
    """Values in the units of the continuous encoding: the trained ones span -1 to 1."""
    low, high = trained.min(), trained.max()
    return np.asarray((2 * value - low - high) / (high - low))


def grid_scalars(config: RunConfig) -> tuple[tuple[float, ...], ...]:
    """Per quantity the scalar of each of its values, for the continuous encoding."""
    pairs: Sequence[tuple[np.ndarray, np.ndarray]]
    pairs = list(zip(grid_values(config), trained_values(config), strict=True))
    return tuple(tuple(map(float, scaled(values, values[seen]))) for values, seen in pairs)

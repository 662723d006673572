"""Appearance of the kinematics film; its data come from ``grokking.films.kinds.kinematics``."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.ticker import FuncFormatter, NullFormatter

from grokking.drawing.animated_figure import SMALL, AnimatedFigure, FigureText
from grokking.drawing.panels import Curve, CurvesPanel, Timeline
from grokking.drawing.style import Style

WORST = 10.0
"""Error in metres from which on the map is darkest."""


@dataclass(frozen=True)
class Trajectory:
    """One launch. meaning: names its colour.

    x, y: float64 [fine], the true path in metres.  trained: bool [n_distances], which of the asked
    distances were trained.
    """

    label: str
    meaning: str
    x: np.ndarray
    y: np.ndarray
    trained: np.ndarray


@dataclass(frozen=True)
class KinematicsData:
    """All data of all frames.

    epochs: int64 [frames].  distances: float64 [n_distances], m.  answered: float64 [frames, paths,
    n_distances], m, NaN where not asked.  values, trained: angles and speeds, and which were trained.
    errors: float64 [frames, n_angles, n_speeds], m.
    """

    epochs: np.ndarray
    distances: np.ndarray
    paths: Sequence[Trajectory]
    answered: np.ndarray
    ceiling: float
    values: tuple[np.ndarray, ...]
    trained: tuple[np.ndarray, ...]
    errors: np.ndarray
    bin_height: float
    accuracy: Sequence[Curve]
    last_epoch: int
    text: FigureText
    timeline: Timeline = field(default_factory=Timeline)


class KinematicsAnimation(AnimatedFigure):
    """Trajectories on the left; the map of errors over the accuracies on the right."""

    def __init__(self, data: KinematicsData, style: Style) -> None:
        self.data = data
        with style.context():
            super().__init__(style, data.text)
            self._build_trajectories()
            self._build_map()
            self._build_accuracy()

    def _build_trajectories(self) -> None:
        x = self.data
        axes = self.panel(0.07, 0.17, 0.45, 0.66, "Angle, m/s")
        self.legend_words(axes, [(path.label, self.colour[path.meaning]) for path in x.paths])
        step = x.distances[1] - x.distances[0]
        axes.set(
            xlim=(0, x.distances[-1] + step),
            ylim=(0, x.ceiling),
            xlabel="distance x, m",
            ylabel="height y, m",
        )
        axes.grid(linewidth=0.8)
        self.dots = []
        for path in x.paths:
            colour = self.colour[path.meaning]
            axes.plot(path.x, path.y, color=colour, linewidth=2, alpha=0.6)
            style = {"color": colour, "markersize": 6, "markeredgewidth": 1.3, "linestyle": "none"}
            hollow = axes.plot([], [], "o", markerfacecolor=self.colour["background"], **style)[0]
            full = axes.plot([], [], "o", **style)[0]
            self.dots.append((path, self.moving(hollow), self.moving(full)))

    def _build_map(self) -> None:
        x, colour = self.data, self.colour
        axes = self.panel(0.61, 0.5, 0.3, 0.33, "Mean error, m")
        angles, speeds = x.values
        edges = [_edges(speeds), _edges(angles)]
        ramp = [colour["background"], colour["test"], colour["ink"]]
        shades = LinearSegmentedColormap.from_list("error", ramp).with_extremes(bad=colour["faint"])
        self.map = self.moving(
            axes.imshow(
                self._shown(0),
                origin="lower",
                aspect="auto",
                cmap=shades,
                interpolation="nearest",
                norm=LogNorm(x.bin_height / 4, WORST, clip=True),
                extent=(*edges[0], *edges[1]),
            )
        )
        axes.set(xlabel="speed v₀, m/s", ylabel="angle θ, °")
        bar = self.figure.colorbar(self.map, cax=self.figure.add_axes((0.925, 0.5, 0.012, 0.33)))
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=SMALL)
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
        self._mark_untrained(axes)

    def _mark_untrained(self, axes: Any) -> None:
        """Triangles outside the map, at the angles and speeds that were never trained."""
        for values, trained, meaning, along in zip(
            self.data.values, self.data.trained, ("heldout_angles", "heldout_speeds"), "yx", strict=True
        ):
            at = values[~trained]
            beyond = np.full(len(at), 1.025)
            place = (at, beyond) if along == "x" else (beyond, at)
            transform = axes.get_xaxis_transform() if along == "x" else axes.get_yaxis_transform()
            axes.plot(
                *place,
                "v" if along == "x" else "<",
                color=self.colour[meaning],
                markersize=5,
                clip_on=False,
                transform=transform,
            )

    def _build_accuracy(self) -> None:
        x = self.data
        names = {
            "train": "train",
            "test": "new pairs",
            "heldout_angles": "new angles",
            "heldout_speeds": "faster",
        }
        axes = self.panel(0.61, 0.17, 0.33, 0.19, "Accuracy")
        axes.set_xlabel("epoch")
        self.legend_words(axes, [(names[c.meaning], self.colour[c.meaning]) for c in x.accuracy])
        self.curves = CurvesPanel(
            self, axes, x.accuracy, x.last_epoch, (0, 1.02), marks=x.timeline.marks, marks_at=0.2
        )

    def _shown(self, number: int) -> Any:
        return np.ma.masked_invalid(self.data.errors[number])

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        x, epoch = self.data, int(self.data.epochs[number])
        self.show_epoch(epoch, x.timeline.phase(number))
        for (path, hollow, full), heights in zip(self.dots, x.answered[number], strict=True):
            full.set_data(x.distances[path.trained], heights[path.trained])
            hollow.set_data(x.distances[~path.trained], heights[~path.trained])
        self.map.set_data(self._shown(number))
        self.curves.update(epoch)


def _edges(values: np.ndarray) -> tuple[float, float]:
    half = (values[1] - values[0]) / 2
    return float(values[0] - half), float(values[-1] + half)

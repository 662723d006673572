"""Tokens on the plane of one frequency, inside a ring that says where each would lie on a perfect circle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection

from grokking.drawing.animated_figure import SMALL, AnimatedFigure
from grokking.drawing.style import residue_colours

N_LABELS = 16
RIM = 1.02
"""Where the ring of colours lies, in units of the largest distance of a token in the last frame."""
_TURN = np.linspace(0, 2 * np.pi, 181)
UNIT_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


@dataclass(frozen=True)
class PlaneData:
    """Tokens by group index, n of them, in F frames.

    members: int64 [n], the numbers.  order: int64 [n], in which order they are joined.
    turn, phase: float64 [n], in turns, a token's colour and its angle on a perfect circle.
    coordinates: float64 [F, n, 2], in units of W_E.
    centre, radius: float64 [F, 2], [F]: the circle that circularity measures against.
    """

    members: np.ndarray
    order: np.ndarray
    turn: np.ndarray
    phase: np.ndarray
    coordinates: np.ndarray
    centre: np.ndarray
    radius: np.ndarray


class PlanePanel:
    """The plane, with a ring that the tokens of the last frame fill.

    A frame whose tokens lie farther out is drawn smaller, so that they stay inside the ring; the ring's
    own distance from the centre stands below it.
    """

    def __init__(
        self, figure: AnimatedFigure, axes: Any, data: PlaneData, dot: float = 34, labels: int = N_LABELS
    ) -> None:
        """dot: area of a token in square points.  labels: how many tokens are named, at most."""
        self.data = data
        self.reach = reach = RIM * float(np.linalg.norm(data.coordinates[-1], axis=1).max() or 1)
        axes.set(xlim=(-1.2 * reach, 1.2 * reach), ylim=(-1.2 * reach, 1.2 * reach), aspect="equal")
        axes.axis("off")
        for line in (axes.axhline, axes.axvline):
            line(0, color=figure.colour["faint"], linewidth=0.8, zorder=0)
        self._ring(figure, axes, labels)
        self._tokens(figure, axes, dot)

    def _ring(self, figure: AnimatedFigure, axes: Any, labels: int) -> None:
        """Ticks at the tokens' phases in their colours, some with their numbers."""
        x, reach = self.data, self.reach
        angle = 2 * np.pi * x.phase
        spokes = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        ticks = np.stack([1.0 * reach * spokes, 1.025 * reach * spokes], axis=1)
        colours = residue_colours(x.turn)
        axes.add_collection(LineCollection(list(ticks), colors=colours, linewidths=2.5), autolim=False)
        style = {"ha": "center", "va": "center", "fontsize": SMALL, "color": figure.colour["muted"]}
        for i in labelled(x.phase, labels):
            axes.text(*(1.12 * reach * spokes[i]), str(x.members[i]), **style)
        self.scale = figure.moving(
            axes.text(0.02, 0.0, "", transform=axes.transAxes, fontsize=SMALL, color=figure.colour["muted"])
        )

    def _tokens(self, figure: AnimatedFigure, axes: Any, dot: float) -> None:
        x, paper = self.data, figure.colour["background"]
        tokens = residue_colours(x.turn)
        dashed = {"color": figure.colour["muted"], "linewidth": 1, "linestyle": (0, (2, 3))}
        self.circle = figure.moving(axes.plot([], [], **dashed)[0])
        self.joins = figure.moving(LineCollection([], colors=tokens[x.order], linewidths=1.1, alpha=0.55))
        axes.add_collection(self.joins, autolim=False)
        self.dots = figure.moving(
            axes.scatter(*x.coordinates[0].T, c=tokens, s=dot, linewidths=0.7, edgecolors=paper)
        )

    def update(self, number: int) -> None:
        """Show the tokens of frame ``number``."""
        x = self.data
        farthest = float(np.linalg.norm(x.coordinates[number], axis=1).max())
        shrink = max(1.0, RIM * farthest / self.reach)
        points = x.coordinates[number] / shrink
        joined = points[x.order]
        self.joins.set_segments(np.stack([joined, np.roll(joined, -1, axis=0)], axis=1))
        self.dots.set_offsets(points)
        self.circle.set_data(*((x.centre[number] + x.radius[number] * UNIT_CIRCLE) / shrink).T)
        self.scale.set_text(f"ring at {self.reach * shrink:.2g}")


def labelled(phase: np.ndarray, most: int = N_LABELS) -> list[int]:
    """Group indices of at most ``most`` tokens, about evenly spread over the phases, one per phase."""
    turns, first = np.unique(phase, return_index=True)
    wanted = np.arange(most) / most if len(turns) > most else turns
    return [int(i) for i in dict.fromkeys(first[np.abs(turns - at).argmin()] for at in wanted)]


def plane_of(
    members: np.ndarray, k: int, unfolded: bool, rows: Sequence[tuple[np.ndarray, np.ndarray, float]]
) -> PlaneData:
    """The plane of frequency k of a cyclic group.

    members: int64 [n], in group order.  unfolded: tokens are joined and coloured in the order of their phase;
    else joined as one counts, coloured in group order.  rows: per frame the tokens' coordinates float64
    [n, 2], and centre [2] and radius of their circle.
    """
    n = len(members)
    index = np.arange(n)
    phase = k * index % n / n
    # Where k divides n several tokens share a phase; they are joined in group order.
    order = np.lexsort((index, k * index % n)) if unfolded else np.argsort(members)
    coordinates, centre, radius = (np.array(x) for x in zip(*rows, strict=True))
    turn = phase if unfolded else index / n
    return PlaneData(members, order, turn, phase, coordinates, centre, radius)

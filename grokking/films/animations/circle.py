"""Appearance of the circle film: the plane of one frequency, circularity, spectrum, accuracy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import Curve, CurvesPanel, SpectrumPanel
from grokking.drawing.style import Style, residue_colours

N_LABELS = 16
RIM = 1.04
"""Where the ring of colours lies, in units of the largest distance of a token in any frame."""
_TURN = np.linspace(0, 2 * np.pi, 181)
UNIT_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


@dataclass(frozen=True)
class CircleData:
    """All that the circle film shows. F frames, group order n.

    order: int64 [n], group indices in the order in which tokens are joined.
    turn: float64 [n], by group index, the token's colour in turns.
    phase: float64 [n], by group index, k·g(x)/n mod 1: its angle on a perfect circle, in turns.
    coordinates: float64 [F, n, 2], by group index, in units of W_E.
    centre, radius: float64 [F, 2], [F]: the circle that circularity measures against.
    circularity: float64 [F], at k.  share: float64 [F, ⌊n/2⌋].
    logged: further curves of circularity, by default at each epoch's own k, and its null.  accuracy: curves.
    legend: words with their colours over circularity, () for those of a frequency.  axis: of the spectrum.
    labels: of its bars, () for numbers.
    """

    k: int
    members: np.ndarray
    order: np.ndarray
    turn: np.ndarray
    phase: np.ndarray
    epochs: np.ndarray
    coordinates: np.ndarray
    centre: np.ndarray
    radius: np.ndarray
    circularity: np.ndarray
    share: np.ndarray
    logged: tuple[Curve, ...]
    accuracy: list[Curve]
    last_epoch: int
    keys: tuple[int, ...]
    key_text: str
    text: FigureText
    legend: tuple[tuple[str, str], ...] = ()
    axis: str = "frequency k"
    labels: tuple[str, ...] = ()


class CircleAnimation(AnimatedFigure):
    """Left the plane of frequency k; right circularity, spectrum and accuracy."""

    def __init__(self, data: CircleData, style: Style) -> None:
        with style.context():
            super().__init__(style, data.text)
            self.data = data
            self._build_plane()
            self._build_curves()

    def _build_plane(self) -> None:
        x, colour = self.data, self.colour
        axes = self.panel(0.02, 0.105, 0.52, 0.775)
        reach = RIM * float(np.linalg.norm(x.coordinates, axis=2).max() or 1)
        axes.set(xlim=(-1.16 * reach, 1.16 * reach), ylim=(-1.16 * reach, 1.16 * reach), aspect="equal")
        axes.axis("off")
        for line in (axes.axhline, axes.axvline):
            line(0, color=colour["faint"], linewidth=0.8, zorder=0)
        self._build_rim(axes, reach)
        tokens = residue_colours(x.turn)
        self.circle = self.moving(
            axes.plot([], [], color=colour["muted"], linewidth=1, linestyle=(0, (2, 3)))[0]
        )
        self.joins = self.moving(LineCollection([], colors=tokens[x.order], linewidths=1.1, alpha=0.55))
        axes.add_collection(self.joins, autolim=False)
        self.dots = self.moving(
            axes.scatter(*x.coordinates[0].T, c=tokens, s=34, linewidths=0.7, edgecolors=colour["background"])
        )

    def _build_rim(self, axes: Any, reach: float) -> None:
        """A ring of ticks at the tokens' phases in their colours, some with their numbers."""
        x = self.data
        angle = 2 * np.pi * x.phase
        spokes = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        ticks = np.stack([1.0 * reach * spokes, 1.025 * reach * spokes], axis=1)
        colours = residue_colours(x.turn)
        axes.add_collection(LineCollection(list(ticks), colors=colours, linewidths=2.5), autolim=False)
        for i in labelled(x.phase):
            axes.text(
                *(1.1 * reach * spokes[i]),
                str(x.members[i]),
                ha="center",
                va="center",
                fontsize=10,
                color=self.colour["muted"],
            )

    def _build_curves(self) -> None:
        x, colour = self.data, self.colour
        left, width = 0.6, 0.365
        roundness = self.panel(left, 0.645, width, 0.2, "Circularity")
        self.readout = self.moving(
            self.over(roundness, "", x=0.21, fontweight="bold", color=colour["key_frequency"])
        )
        legend = x.legend or (
            (f"at k = {x.k}", "key_frequency"),
            ("at the epoch's own k", "other_frequency"),
            ("null", "null"),
        )
        self.legend_words(roundness, [(word, colour[meaning]) for word, meaning in legend])
        ours = Curve(x.epochs, x.circularity, "key_frequency")
        spectrum = self.panel(left, 0.385, width, 0.165, "Spectrum of W_E")
        self.legend_words(spectrum, [(x.key_text, colour["key_frequency"])])
        spectrum.set_xlabel(x.axis)
        accuracy = self.panel(left, 0.14, width, 0.13, "Accuracy")
        accuracy.set_xlabel("epoch")
        self.legend_words(accuracy, [(c.label, colour[c.meaning]) for c in x.accuracy])
        self.curves = [
            CurvesPanel(self, roundness, [*x.logged, ours], x.last_epoch, (0, 1)),
            CurvesPanel(self, accuracy, x.accuracy, x.last_epoch, (0, 1.02)),
        ]
        self.spectrum = SpectrumPanel(self, spectrum, x.share, x.keys, x.k, x.labels)

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        x, epoch = self.data, int(self.data.epochs[number])
        self.show_epoch(epoch)
        points = x.coordinates[number]
        joined = points[x.order]
        self.joins.set_segments(np.stack([joined, np.roll(joined, -1, axis=0)], axis=1))
        self.dots.set_offsets(points)
        self.circle.set_data(*(x.centre[number] + x.radius[number] * UNIT_CIRCLE).T)
        self.readout.set_text(f"{x.circularity[number]:.2f}")
        self.spectrum.update(number)
        for panel in self.curves:
            panel.update(epoch)


def labelled(phase: np.ndarray) -> list[int]:
    """Group indices of at most 16 tokens, about evenly spread over the phases, one per phase."""
    turns, first = np.unique(phase, return_index=True)
    wanted = np.arange(N_LABELS) / N_LABELS if len(turns) > N_LABELS else turns
    return [int(i) for i in dict.fromkeys(first[np.abs(turns - at).argmin()] for at in wanted)]

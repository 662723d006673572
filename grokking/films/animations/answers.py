"""Appearance of the film of answers: a square for each question, the accuracies and the losses."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap, to_rgb

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import Curve, CurvesPanel, Timeline, log_limits
from grokking.drawing.style import Style

TRAINED, HELD_OUT, RIGHT = 0, 1, 2
"""A square is its kind, plus ``RIGHT`` where the answer is right."""
PALE = 0.22
"""How much of its colour a wrongly answered question keeps."""


def percent(share: float) -> int:
    """A share in per cent, rounded; 0 and 100 stand for none and all alone.

    >>> [percent(share) for share in (0.0, 0.002, 0.505, 0.999, 1.0)]
    [0, 1, 50, 99, 100]
    """
    return round(100 * share) if share in (0, 1) else min(max(round(100 * share), 1), 99)


@dataclass(frozen=True)
class AnswersData:
    """All that the film shows.

    squares: float32 [F, numbers a, numbers b], kind plus ``RIGHT``; NaN where nothing is asked.
    shares: float64 [F, 2], of trained and of held-out questions that are answered.
    """

    squares: np.ndarray
    shares: np.ndarray
    epochs: np.ndarray
    accuracy: list[Curve]
    losses: list[Curve]
    last_epoch: int
    text: FigureText
    timeline: Timeline = field(default_factory=Timeline)


class AnswersAnimation(AnimatedFigure):
    """Left all questions; right the accuracies over the losses."""

    def __init__(self, data: AnswersData, style: Style) -> None:
        with style.context():
            super().__init__(style, data.text)
            self.data = data
            self._build_squares()
            self._build_curves()

    def _build_squares(self) -> None:
        axes = self.panel(0.045, 0.16, 0.5, 0.685)
        axes.set(xlabel="a", ylabel="b")
        paper = np.array(to_rgb(self.colour["background"]))
        full = [np.array(to_rgb(self.colour[name])) for name in ("all_pairs", "test")]
        pale = [PALE * colour + (1 - PALE) * paper for colour in full]
        shades = ListedColormap([*pale, *full]).with_extremes(bad=paper)
        style = {"origin": "lower", "interpolation": "nearest", "vmin": -0.5, "vmax": 3.5, "cmap": shades}
        self.squares = self.moving(axes.imshow(self.data.squares[0].T, **style))
        bold: dict[str, Any] = {"fontweight": "bold"}
        self.counts = [
            self.moving(self.over(axes, "", color=self.colour["all_pairs"], **bold)),
            self.moving(self.over(axes, "", x=1, ha="right", color=self.colour["test"], **bold)),
        ]

    def _build_curves(self) -> None:
        x = self.data
        losses = [c.above_zero for c in x.losses]
        panels = {"Accuracy": (0.545, x.accuracy, (0, 1.02)), "Loss": (0.15, losses, None)}
        self.curves = []
        for title, (bottom, curves, limits) in panels.items():
            axes = self.panel(0.62, bottom, 0.345, 0.3 if limits else 0.265, title)
            self.legend_words(axes, [(c.label, self.colour[c.meaning]) for c in curves])
            log = limits is None
            bounds = limits or log_limits([c.y for c in curves])
            marks, height = x.timeline.marks, 0.72 if log else 0.5
            self.curves.append(
                CurvesPanel(self, axes, curves, x.last_epoch, bounds, log, marks=marks, marks_at=height)
            )
        axes.set_xlabel("epoch")

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        x, epoch = self.data, int(self.data.epochs[number])
        self.show_epoch(epoch, x.timeline.phase(number))
        self.squares.set_data(np.ma.masked_invalid(x.squares[number].T))
        for text, share, word in zip(self.counts, x.shares[number], ("trained", "held out"), strict=True):
            text.set_text(f"{word}: {percent(share)} % right")
        for panel in self.curves:
            panel.update(epoch)

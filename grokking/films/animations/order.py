"""Appearance of the film of two orders: two spectra on one scale, their Gini coefficients, accuracy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import Curve, CurvesPanel
from grokking.drawing.style import Style


@dataclass(frozen=True)
class OrderingData:
    """One order. share: float64 [F, m], bars from left to right.  coloured: bool [m], key frequencies.

    gini, null: float64 [F].
    """

    title: str
    share: np.ndarray
    coloured: np.ndarray
    gini: np.ndarray
    null: np.ndarray


@dataclass(frozen=True)
class OrderingsData:
    """All that the film shows. epochs: int64 [F].  ranked: bars stand by rank, not by frequency."""

    additive: OrderingData
    logarithmic: OrderingData
    epochs: np.ndarray
    ranked: bool
    accuracy: list[Curve]
    last_epoch: int
    text: FigureText


class OrderingsAnimation(AnimatedFigure):
    """Left as one counts, right by discrete logarithm; below them Gini coefficients, then accuracy."""

    def __init__(self, data: OrderingsData, style: Style) -> None:
        with style.context():
            super().__init__(style, data.text)
            self.data = data
            parts = (data.additive, data.logarithmic)
            top = 1.1 * max(max(part.share.max() for part in parts), np.finfo(float).tiny)
            self.bars = [
                self._build_bars(part, left, top) for part, left in zip(parts, (0.06, 0.555), strict=True)
            ]
            self.ginis = [
                self._build_gini(part, left) for part, left in zip(parts, (0.06, 0.39), strict=True)
            ]
            axes = self.panel(0.72, 0.19, 0.245, 0.2, "Accuracy")
            axes.set_xlabel("epoch")
            self.legend_words(
                axes, [(c.meaning.replace("_", " "), self.colour[c.meaning]) for c in data.accuracy]
            )
            self.accuracy = CurvesPanel(self, axes, data.accuracy, data.last_epoch, (0, 1.02))

    def _build_bars(self, part: OrderingData, left: float, top: float) -> Any:
        axes = self.panel(left, 0.53, 0.41, 0.315, part.title)
        m = part.share.shape[1]
        if part.coloured.any():
            self.legend_words(axes, [("key frequencies", self.colour["key_frequency"])])
        axes.set(xlim=(0.3, m + 0.7), ylim=(0, top))
        axes.set_xlabel("frequencies, by rank at the end" if self.data.ranked else "frequency k")
        axes.grid(axis="y", linewidth=0.8)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        points = axes.get_window_extent().width * 72 / self.style.dpi
        colours = [self.colour["key_frequency" if key else "other_frequency"] for key in part.coloured]
        return self.moving(
            axes.vlines(
                np.arange(1, m + 1),
                0,
                part.share[0],
                colors=colours,
                linewidth=min(0.62 * points / m, 24),
                capstyle="butt",
            )
        )

    def _build_gini(self, part: OrderingData, left: float) -> tuple[CurvesPanel, Any]:
        axes = self.panel(left, 0.19, 0.27, 0.2, "Gini")
        axes.set_xlabel("epoch")
        readout = self.moving(self.over(axes, "", x=0.15, fontweight="bold", color=self.colour["mean"]))
        words = "as one counts" if part is self.data.additive else "by discrete logarithm"
        self.legend_words(axes, [(words, self.colour["mean"]), ("null", self.colour["null"])])
        epochs = self.data.epochs
        curves = [Curve(epochs, part.null, "null", dashed=True), Curve(epochs, part.gini, "mean")]
        return CurvesPanel(self, axes, curves, self.data.last_epoch, (0, 1)), readout

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        epoch = int(self.data.epochs[number])
        self.show_epoch(epoch)
        for part, bars, (panel, readout) in zip(
            (self.data.additive, self.data.logarithmic), self.bars, self.ginis, strict=True
        ):
            heights = part.share[number]
            k = np.arange(1, len(heights) + 1)
            ends = np.stack([np.zeros_like(heights), heights], axis=1)
            bars.set_segments(np.stack([np.repeat(k[:, None], 2, axis=1), ends], axis=2))
            panel.update(epoch)
            readout.set_text(f"{part.gini[number]:.2f}")
        self.accuracy.update(epoch)

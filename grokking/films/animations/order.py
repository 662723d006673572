"""Appearance of the film of two orders: each with its spectrum and its circle, their Gini, accuracy."""

from dataclasses import dataclass, field

import numpy as np

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import Curve, CurvesPanel, Timeline
from grokking.drawing.plane import PlaneData, PlanePanel
from grokking.drawing.spectrum_panel import SpectrumPanel
from grokking.drawing.style import Style

N_LABELS = 8
DOT = 20


@dataclass(frozen=True)
class OrderingData:
    """One order.

    share: float64 [F, m], by frequency 1 … m.  keys: key frequencies of the operation of this order.
    k: the strongest frequency of the last frame, whose plane is shown.
    gini, null: float64 [F].
    """

    title: str
    share: np.ndarray
    keys: tuple[int, ...]
    k: int
    plane: PlaneData
    gini: np.ndarray
    null: np.ndarray


@dataclass(frozen=True)
class OrderingsData:
    """All that the film shows. epochs: int64 [F]."""

    additive: OrderingData
    logarithmic: OrderingData
    epochs: np.ndarray
    accuracy: list[Curve]
    last_epoch: int
    text: FigureText
    timeline: Timeline = field(default_factory=Timeline)


class OrderingsAnimation(AnimatedFigure):
    """A column for each order, its spectrum over its circle; then a column of Gini coefficients, accuracy."""

    def __init__(self, data: OrderingsData, style: Style) -> None:
        with style.context():
            super().__init__(style, data.text)
            self.data = data
            parts = (data.additive, data.logarithmic)
            top = np.array([max(part.share.max() for part in parts)])
            self.columns = [
                self._build_order(part, left, top) for part, left in zip(parts, (0.06, 0.4), strict=True)
            ]
            self._build_curves()

    def _build_order(
        self, part: OrderingData, left: float, top: np.ndarray
    ) -> tuple[SpectrumPanel, PlanePanel]:
        spectrum = self.panel(left, 0.62, 0.27, 0.225, part.title)
        bars = SpectrumPanel(self, spectrum, part.share, part.keys, part.k, float(top[0]))
        spectrum.set_xlabel("frequency k")
        plane = self.panel(left - 0.01, 0.1, 0.29, 0.395, f"Circle of k = {part.k}")
        return bars, PlanePanel(self, plane, part.plane, DOT, N_LABELS)

    def _build_curves(self) -> None:
        x, colour = self.data, self.colour
        left, width = 0.745, 0.22
        marks, end = x.timeline.marks, x.last_epoch
        accuracy = self.panel(left, 0.15, width, 0.155, "Accuracy")
        accuracy.set_xlabel("epoch")
        self.legend_words(accuracy, [(c.label, colour[c.meaning]) for c in x.accuracy])
        self.curves = [CurvesPanel(self, accuracy, x.accuracy, end, (0, 1.02), marks=marks)]
        self.readouts = []
        for part, bottom, words in ((x.additive, 0.69, "0, 1, 2 …"), (x.logarithmic, 0.42, "by logarithm")):
            axes = self.panel(left, bottom, width, 0.155, "Gini")
            readout = self.over(axes, "", x=0.17, fontweight="bold", color=colour["mean"])
            self.readouts.append((part, self.moving(readout)))
            self.legend_words(axes, [(words, colour["mean"]), ("null", colour["null"])])
            curves = [Curve(x.epochs, part.null, "null", dashed=True), Curve(x.epochs, part.gini, "mean")]
            self.curves.append(CurvesPanel(self, axes, curves, end, (0, 1), marks=marks, marks_at=0.85))

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        epoch = int(self.data.epochs[number])
        self.show_epoch(epoch, self.data.timeline.phase(number))
        for bars, plane in self.columns:
            bars.update(number)
            plane.update(number)
        for part, readout in self.readouts:
            readout.set_text(f"{part.gini[number]:.2f}")
        for panel in self.curves:
            panel.update(epoch)

"""Appearance of the circle film: the plane of one frequency, circularity, spectrum, accuracy."""

from dataclasses import dataclass, field

import numpy as np

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import Curve, CurvesPanel, Timeline
from grokking.drawing.plane import PlaneData, PlanePanel
from grokking.drawing.spectrum_panel import SpectrumPanel
from grokking.drawing.style import Style


@dataclass(frozen=True)
class CircleData:
    """All that the circle film shows. F frames, group order n.

    k: the frequency of the plane.  circularity: float64 [F], at k.  share: float64 [F, ⌊n/2⌋].
    logged: further curves of circularity, by default at each epoch's own k, and its null.  accuracy: curves.
    legend: words with their colours over circularity, () for those of a frequency.  axis: of the spectrum.
    labels: of its bars, () for numbers.
    """

    k: int
    plane: PlaneData
    epochs: np.ndarray
    circularity: np.ndarray
    share: np.ndarray
    logged: tuple[Curve, ...]
    accuracy: list[Curve]
    last_epoch: int
    keys: tuple[int, ...]
    text: FigureText
    legend: tuple[tuple[str, str], ...] = ()
    axis: str = "frequency k"
    labels: tuple[str, ...] = ()
    timeline: Timeline = field(default_factory=Timeline)


class CircleAnimation(AnimatedFigure):
    """Left the plane of frequency k; right circularity, spectrum and accuracy."""

    def __init__(self, data: CircleData, style: Style) -> None:
        with style.context():
            super().__init__(style, data.text)
            self.data = data
            self.plane = PlanePanel(self, self.panel(0.02, 0.105, 0.52, 0.775), data.plane)
            self._build_curves()

    def _build_curves(self) -> None:
        x, colour = self.data, self.colour
        left, width = 0.6, 0.365
        roundness = self.panel(left, 0.665, width, 0.18, "Circularity")
        self.readout = self.moving(
            self.over(roundness, "", x=0.24, fontweight="bold", color=colour["key_frequency"])
        )
        legend = x.legend or (
            (f"k = {x.k}", "key_frequency"),
            ("strongest k", "other_frequency"),
            ("null", "null"),
        )
        self.legend_words(roundness, [(word, colour[meaning]) for word, meaning in legend])
        spectrum = self.panel(left, 0.415, width, 0.155, "Spectrum of W_E")
        spectrum.set_xlabel(x.axis)
        accuracy = self.panel(left, 0.14, width, 0.155, "Accuracy")
        accuracy.set_xlabel("epoch")
        self.legend_words(accuracy, [(c.label, colour[c.meaning]) for c in x.accuracy])
        round_curves = [*x.logged, Curve(x.epochs, x.circularity, "key_frequency")]
        marks, end = x.timeline.marks, x.last_epoch
        self.curves = [
            CurvesPanel(self, roundness, round_curves, end, (0, 1), marks=marks, marks_at=0.32),
            CurvesPanel(self, accuracy, x.accuracy, end, (0, 1.02), marks=marks),
        ]
        self.spectrum = SpectrumPanel(self, spectrum, x.share, x.keys, x.k, labels=x.labels)

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        x, epoch = self.data, int(self.data.epochs[number])
        self.show_epoch(epoch, x.timeline.phase(number))
        self.plane.update(number)
        self.readout.set_text(f"{x.circularity[number]:.2f}")
        self.spectrum.update(number)
        for panel in self.curves:
            panel.update(epoch)

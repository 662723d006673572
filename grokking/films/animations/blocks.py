"""Appearance of films of groups that are not cyclic: maps of which tokens are alike, with their curves."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import Curve, CurvesPanel, Timeline
from grokking.drawing.spectrum_panel import SpectrumPanel
from grokking.drawing.style import Style


@dataclass(frozen=True)
class TraceData:
    """All that the film of a block of degree 3 or more shows. F frames, group order n.

    edges: int64, where a new conjugacy class begins in the order of the maps.
    cosines: float32 [F, n, n], between tokens, in class order.  traces: float32 [n, n], what they should be.
    similarity, null: float64 [F].  share: float64 [F, blocks].
    """

    block: int
    label: str
    edges: np.ndarray
    epochs: np.ndarray
    cosines: np.ndarray
    traces: np.ndarray
    similarity: np.ndarray
    null: np.ndarray
    share: np.ndarray
    accuracy: list[Curve]
    last_epoch: int
    keys: tuple[int, ...]
    labels: tuple[str, ...]
    text: FigureText
    timeline: Timeline = field(default_factory=Timeline)


class SimilarityMap:
    """A square map of cosines from -1 to 1, with lines where a new part begins."""

    def __init__(self, figure: AnimatedFigure, axes: Any, edges: np.ndarray, values: np.ndarray) -> None:
        n, colour = len(values), figure.colour
        axes.set(xlim=(-0.5, n - 0.5), ylim=(n - 0.5, -0.5), xticks=[], yticks=[], aspect="equal")
        axes.set_anchor("NW")
        for side in axes.spines.values():
            side.set_visible(False)
        self.image = axes.imshow(
            values,
            cmap=figure.style.diverging,
            vmin=-1,
            vmax=1,
            interpolation="none" if n < 300 else "antialiased",
        )
        self.lines = [
            line(at - 0.5, color=colour["ink"], linewidth=0.5, alpha=0.45)
            for at in edges
            for line in (axes.axhline, axes.axvline)
        ]

    def name_colours(self, axes: Any) -> None:
        """Fill axes with the scale of the colours."""
        axes.imshow(np.linspace(-1, 1, 101)[None], aspect="auto", cmap=self.image.cmap, extent=(-1, 1, 0, 1))
        axes.set(yticks=[], xticks=[-1, 0, 1])

    def moving(self, figure: AnimatedFigure) -> "SimilarityMap":
        """The same map; its values change from frame to frame."""
        for artist in (self.image, *self.lines):
            figure.moving(artist)
        return self


class TraceAnimation(AnimatedFigure):
    """Left the tokens' cosines and the traces; right their similarity, the spectrum and the accuracy."""

    def __init__(self, data: TraceData, style: Style) -> None:
        with style.context():
            super().__init__(style, data.text)
            self.data = data
            axes = self.panel(0.045, 0.13, 0.38, 0.715, "Tokens of W_E: cosines")
            self.map = SimilarityMap(self, axes, data.edges, data.cosines[0]).moving(self)
            SimilarityMap(self, self.panel(0.445, 0.5, 0.16, 0.345, "Traces"), data.edges, data.traces)
            self.map.name_colours(self.panel(0.445, 0.4, 0.16, 0.018))
            self._build_curves()

    def _build_curves(self) -> None:
        x, colour = self.data, self.colour
        left, width = 0.66, 0.305
        alike = self.panel(left, 0.645, width, 0.2, "Similarity")
        self.readout = self.moving(
            self.over(alike, "", x=0.27, fontweight="bold", color=colour["key_frequency"])
        )
        self.legend_words(alike, [("W_E and the traces", colour["key_frequency"]), ("null", colour["null"])])
        spectrum = self.panel(left, 0.4, width, 0.145, "Blocks of W_E")
        accuracy = self.panel(left, 0.14, width, 0.13, "Accuracy")
        accuracy.set_xlabel("epoch")
        self.legend_words(accuracy, [(c.label, colour[c.meaning]) for c in x.accuracy])
        curves = [
            Curve(x.epochs, x.null, "null", dashed=True),
            Curve(x.epochs, x.similarity, "key_frequency"),
        ]
        marks = x.timeline.marks
        self.curves = [
            CurvesPanel(self, alike, curves, x.last_epoch, (0, 1), marks=marks),
            CurvesPanel(self, accuracy, x.accuracy, x.last_epoch, (0, 1.02), marks=marks),
        ]
        self.spectrum = SpectrumPanel(self, spectrum, x.share, x.keys, x.block, labels=x.labels)

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        x, epoch = self.data, int(self.data.epochs[number])
        self.show_epoch(epoch, x.timeline.phase(number))
        self.map.image.set_data(x.cosines[number])
        self.readout.set_text(f"{x.similarity[number]:.2f}")
        self.spectrum.update(number)
        for panel in self.curves:
            panel.update(epoch)

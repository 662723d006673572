"""Appearance of the order film of a group that is not cyclic: one map of cosines, sorted in two ways."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import Curve, CurvesPanel, Timeline
from grokking.drawing.style import Style
from grokking.films.animations.blocks import SimilarityMap

MOST_EDGES = 40
"""Parts that are set apart by lines; more would hide what they part."""


@dataclass(frozen=True)
class PartitionData:
    """One way to sort the tokens.

    order: int64 [n], tokens from left to right.  edges: int64, where a new part begins.  share, null:
    float64 [F].
    """

    title: str
    order: np.ndarray
    edges: np.ndarray
    share: np.ndarray
    null: np.ndarray


@dataclass(frozen=True)
class PartitionsData:
    """All that the film shows. parts: one or two orders.  epochs: int64 [F].  cosines: float32 [F, n, n]."""

    parts: tuple[PartitionData, ...]
    epochs: np.ndarray
    cosines: np.ndarray
    accuracy: list[Curve]
    last_epoch: int
    text: FigureText
    timeline: Timeline = field(default_factory=Timeline)


class PartitionAnimation(AnimatedFigure):
    """Left and middle the maps; right the shares of the parts, and the accuracy."""

    def __init__(self, data: PartitionsData, style: Style) -> None:
        with style.context():
            super().__init__(style, data.text)
            self.data = data
            self.maps = [self._build_map(part, 0.045 + 0.34 * i) for i, part in enumerate(data.parts)]
            self.maps[0].name_colours(self.panel(0.045, 0.2, 0.32, 0.018))
            self.shares = [
                self._build_share(part, 0.66 - 0.255 * i, name)
                for i, (part, name) in enumerate(zip(data.parts, ("classes", "cosets"), strict=False))
            ]
            axes = self.panel(0.76, 0.15, 0.205, 0.17, "Accuracy")
            axes.set_xlabel("epoch")
            self.legend_words(axes, [(c.label, self.colour[c.meaning]) for c in data.accuracy])
            self.accuracy = CurvesPanel(
                self, axes, data.accuracy, data.last_epoch, (0, 1.02), marks=data.timeline.marks
            )

    def _build_map(self, part: PartitionData, left: float) -> SimilarityMap:
        axes = self.panel(left, 0.26, 0.32, 0.585)
        self.shrink(self.over(axes, part.title, fontweight="bold"), axes.get_window_extent().width)
        edges = part.edges if len(part.edges) < MOST_EDGES else part.edges[:0]
        return SimilarityMap(self, axes, edges, self.data.cosines[0]).moving(self)

    def _build_share(self, part: PartitionData, bottom: float, name: str) -> tuple[CurvesPanel, Any]:
        axes = self.panel(0.76, bottom, 0.205, 0.17, "Share")
        readout = self.moving(self.over(axes, "", x=0.25, fontweight="bold", color=self.colour["mean"]))
        self.legend_words(axes, [(name, self.colour["mean"]), ("null", self.colour["null"])])
        epochs = self.data.epochs
        curves = [Curve(epochs, part.null, "null", dashed=True), Curve(epochs, part.share, "mean")]
        return CurvesPanel(
            self, axes, curves, self.data.last_epoch, (0, 1), marks=self.data.timeline.marks
        ), readout

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        epoch, cosines = int(self.data.epochs[number]), self.data.cosines[number]
        self.show_epoch(epoch, self.data.timeline.phase(number))
        for part, shown, (panel, readout) in zip(self.data.parts, self.maps, self.shares, strict=True):
            shown.image.set_data(cosines[np.ix_(part.order, part.order)])
            panel.update(epoch)
            readout.set_text(f"{part.share[number]:.2f}")
        self.accuracy.update(epoch)

"""The spectrum of W_E as a panel of a film: a bar for each frequency or block, named where there is room."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator

from grokking.drawing.animated_figure import SMALL, AnimatedFigure

MOST_LABELLED = 10
"""Bars of a spectrum that are all named."""
NAME_GAP = 6
"""Pixels between two names of ticks on one line."""


def lowered(names: Sequence[str], centres: Sequence[float], widths: Sequence[float]) -> list[str]:
    """Names of ticks; one that would touch the name before it begins below that.

    centres, widths: of the names as drawn, in pixels from left to right.
    """
    result: list[str] = []
    end, lines = -np.inf, 0
    for name, centre, width in zip(names, centres, widths, strict=True):
        touches = centre - width / 2 < end + NAME_GAP
        result.append("\n" * lines + name if touches else name)
        end = centre + width / 2
        lines = 0 if touches else name.count("\n") + 1
    return result


class SpectrumPanel:
    """The share of W_E's energy at every frequency, bars of the key frequencies in their colour."""

    def __init__(
        self,
        figure: AnimatedFigure,
        axes: Any,
        share: np.ndarray,
        keys: Sequence[int],
        k: int,
        largest: float | None = None,
        labels: Sequence[str] = (),
    ) -> None:
        """share: float64 [frames, ⌊n/2⌋], or blocks.  k: the frequency of the film, marked by a triangle.

        largest: the share that the axis must hold, by default the largest of all frames.
        labels: of the bars, in the place of 1, 2, 3, …
        """
        self.share = share
        self.names = [f"strongest: {name}" for name in labels] or [
            f"strongest now: k = {i + 1}" for i in range(share.shape[1])
        ]
        self.k = np.arange(1, share.shape[1] + 1)
        top = 1.15 * max(share.max() if largest is None else largest, np.finfo(float).tiny)
        axes.set(xlim=(0.3, self.k[-1] + 0.7), ylim=(0, top))
        axes.grid(axis="y", linewidth=0.8)
        axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        if len(self.k) <= 8:
            axes.set_xticks(self.k)
        if labels:
            self._name_bars(figure, axes, labels, keys)
        points = axes.get_window_extent().width * 72 / figure.style.dpi
        width = min(0.62 * points / len(self.k), 24)
        colours = [figure.colour["key_frequency" if i in keys else "other_frequency"] for i in self.k]
        self.bars = figure.moving(
            axes.vlines(self.k, 0, self.share[0], colors=colours, linewidth=width, capstyle="butt")
        )
        self.mark = figure.moving(axes.plot([k], [0], "v", color=figure.colour["ink"], markersize=6)[0])
        self.lift = 0.06 * top
        words: dict[str, Any] = {
            "x": 1.0,
            "ha": "right",
            "fontweight": "bold",
            "color": figure.colour["key_frequency"],
        }
        self.strongest = figure.moving(figure.over(axes, max(self.names, key=len), **words))
        figure.shrink(self.strongest, figure.room_beside_title(axes))

    def _name_bars(
        self, figure: AnimatedFigure, axes: Any, labels: Sequence[str], keys: Sequence[int]
    ) -> None:
        """All labels where there are few bars, else those of the key blocks that have room."""
        wanted = list(self.k) if len(self.k) <= MOST_LABELLED else sorted(keys)
        apart = len(self.k) / MOST_LABELLED
        shown: list[int] = []
        for i in wanted:
            if not shown or i - shown[-1] >= apart:
                shown.append(i)
        names = [labels[i - 1].replace(" ⊗ ", "\n⊗ ") for i in shown]
        axes.set_xticks(shown, names, fontsize=SMALL)
        renderer = figure.canvas.get_renderer()
        widths = [label.get_window_extent(renderer).width for label in axes.get_xticklabels()]
        centres = axes.transData.transform([(i, 0) for i in shown])[:, 0]
        axes.set_xticks(shown, lowered(names, centres, widths), fontsize=SMALL)

    def update(self, number: int) -> None:
        """Show the spectrum of frame ``number``."""
        heights = self.share[number]
        ends = np.stack([np.zeros_like(heights), heights], axis=1)
        self.bars.set_segments(np.stack([np.repeat(self.k[:, None], 2, axis=1), ends], axis=2))
        self.mark.set_ydata([heights[self.mark.get_xdata()[0] - 1] + self.lift])
        self.strongest.set_text(self.names[int(heights.argmax())])

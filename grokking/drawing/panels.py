"""Panels that several films share: curves over epochs with a cursor, and the spectrum of W_E."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from grokking.drawing.animated_figure import AnimatedFigure

MOST_LABELLED = 10
"""Bars of a spectrum that are all named."""
FAINT = 0.28
"""Opacity of what lies ahead of the cursor."""


@dataclass(frozen=True)
class Curve:
    """A line over epochs. x: int [m] epochs.  y: float [m], NaN where there is no value.

    meaning: names its colour in the palette.
    """

    x: np.ndarray
    y: np.ndarray
    meaning: str
    dashed: bool = False
    width: float = 2.0

    @property
    def label(self) -> str:
        """Its meaning in words."""
        return self.meaning.replace("_", " ")


class CurvesPanel:
    """Curves over the whole run, faint ahead of a cursor that stands at the frame's epoch."""

    def __init__(
        self,
        figure: AnimatedFigure,
        axes: Any,
        curves: Sequence[Curve],
        last_epoch: int,
        limits: tuple[float, float],
        log: bool = False,
    ) -> None:
        self.log = log
        axes.set_xlim(0, max(last_epoch, 1))
        if log:
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(*limits)
        axes.grid(axis="y", linewidth=0.8)
        mark_epochs(axes)
        self.curves = [(curve, *self._lines(figure, axes, curve)) for curve in curves]
        self.cursor = figure.moving(axes.axvline(0, color=figure.colour["cursor"], linewidth=1))

    def _lines(self, figure: AnimatedFigure, axes: Any, curve: Curve) -> tuple[Any, Any]:
        style: dict[str, Any] = {"color": figure.colour[curve.meaning], "linewidth": curve.width}
        if curve.dashed:
            axes.plot(curve.x, curve.y, linestyle=(0, (4, 3)), **style)
            return None, None
        axes.plot(curve.x, curve.y, alpha=FAINT, **style)
        past = figure.moving(axes.plot([], [], **style)[0])
        dot = figure.moving(
            axes.plot(
                [],
                [],
                "o",
                color=style["color"],
                markersize=6,
                clip_on=False,
                markeredgecolor=figure.colour["background"],
            )[0]
        )
        return past, dot

    def update(self, epoch: int) -> None:
        """Move the cursor."""
        self.cursor.set_xdata([epoch, epoch])
        for curve, past, dot in self.curves:
            if past is None:
                continue
            x, y = until(curve.x, curve.y, epoch, self.log)
            past.set_data(x, y)
            dot.set_data(x[-1:], y[-1:])


def until(x: np.ndarray, y: np.ndarray, epoch: int, log: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The part of a drawn polyline up to an epoch, which may lie between two of its points."""
    n = int(np.searchsorted(x, epoch, side="right"))
    if n == 0 or n == len(x) or x[n - 1] == epoch:
        return x[:n], y[:n]
    share = (epoch - x[n - 1]) / (x[n] - x[n - 1])
    ends = np.log(y[n - 1 : n + 1]) if log else y[n - 1 : n + 1]
    end = ends[0] + share * (ends[1] - ends[0])
    return np.append(x[:n], epoch), np.append(y[:n], np.exp(end) if log else end)


def mark_epochs(axes: Any, most: int = 4) -> None:
    """Few round ticks with thousands separators."""
    axes.xaxis.set_major_locator(MaxNLocator(most, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def mark_answers(axes: Any) -> None:
    """Whole answers on the x axis."""
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def mark_activations(axes: Any, most: int = 4) -> None:
    """A few ticks on the y axis, written briefly however small the values are."""
    axes.yaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))
    small = max(map(abs, axes.get_ylim())) < 0.01

    def brief(value: float, _: Any) -> str:
        text = f"{value:.0e}".replace("e-0", "e-") if small and value else f"{value:g}"
        return text.replace("-", "−")

    axes.yaxis.set_major_formatter(FuncFormatter(brief))


def neuron_width(n: int) -> tuple[float, float]:
    """Limits of an axis of answers 0 … n - 1, with room for the outermost dots."""
    return -0.012 * n - 0.5, 1.012 * n - 0.5


def log_limits(values: Sequence[np.ndarray]) -> tuple[float, float]:
    """Whole decades that hold all finite values, all above zero."""
    low, high = (np.log10(value) for value in finite_range(values, default=(0.1, 1.0)))
    return 10.0 ** np.floor(low), 10.0 ** max(np.ceil(high), np.floor(low) + 1)


def finite_range(
    values: Sequence[np.ndarray], default: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """Smallest and largest finite value of some arrays."""
    finite = np.concatenate([v[np.isfinite(v)] for v in map(np.asarray, values)] or [np.empty(0)])
    return (float(finite.min()), float(finite.max())) if len(finite) else default


def padded(values: Sequence[np.ndarray]) -> tuple[float, float]:
    """Limits that hold all values of all frames, with a little room."""
    low, high = finite_range(values)
    room = 0.04 * (high - low) or 1.0
    return low - room, high + room


class SpectrumPanel:
    """The share of W_E's energy at every frequency, bars of the key frequencies in their colour."""

    def __init__(
        self,
        figure: AnimatedFigure,
        axes: Any,
        share: np.ndarray,
        keys: Sequence[int],
        k: int,
        labels: Sequence[str] = (),
    ) -> None:
        """share: float64 [frames, ⌊n/2⌋], or blocks.  k: the frequency of the film, marked by a triangle.

        labels: of the bars, in the place of 1, 2, 3, …
        """
        self.share = share
        self.k = np.arange(1, share.shape[1] + 1)
        top = 1.15 * max(share.max(), np.finfo(float).tiny)
        axes.set(xlim=(0.3, self.k[-1] + 0.7), ylim=(0, top))
        axes.grid(axis="y", linewidth=0.8)
        axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g} %"))
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        if len(self.k) <= 8:
            axes.set_xticks(self.k)
        if labels:
            self._name_bars(axes, labels, keys)
        points = axes.get_window_extent().width * 72 / figure.style.dpi
        width = min(0.62 * points / len(self.k), 24)
        colours = [figure.colour["key_frequency" if i in keys else "other_frequency"] for i in self.k]
        self.bars = figure.moving(
            axes.vlines(self.k, 0, self.share[0], colors=colours, linewidth=width, capstyle="butt")
        )
        self.mark = figure.moving(axes.plot([k], [0], "v", color=figure.colour["ink"], markersize=5)[0])
        self.lift = 0.06 * top

    def _name_bars(self, axes: Any, labels: Sequence[str], keys: Sequence[int]) -> None:
        """All labels where there are few bars, else those of the key blocks that have room."""
        wanted = list(self.k) if len(self.k) <= MOST_LABELLED else sorted(keys)
        apart = len(self.k) / MOST_LABELLED
        shown: list[int] = []
        for i in wanted:
            if not shown or i - shown[-1] >= apart:
                shown.append(i)
        axes.set_xticks(shown, [labels[i - 1].replace(" ⊗ ", "\n⊗ ") for i in shown], fontsize=8.5)

    def update(self, number: int) -> None:
        """Show the spectrum of frame ``number``."""
        heights = self.share[number]
        ends = np.stack([np.zeros_like(heights), heights], axis=1)
        self.bars.set_segments(np.stack([np.repeat(self.k[:, None], 2, axis=1), ends], axis=2))
        self.mark.set_ydata([heights[self.mark.get_xdata()[0] - 1] + self.lift])

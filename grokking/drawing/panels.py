"""Panels that several films share: curves over epochs with a cursor, and what their axes look like."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from grokking.drawing.animated_figure import SMALL, AnimatedFigure

SMALLEST = 1e-30
"""What a loss of zero is drawn as."""
FAINT = 0.28
"""Opacity of what lies ahead of the cursor."""
MARK_HEIGHTS = np.linspace(0.9, 0.1, 17)
MARK_ROOM = 11
"""Heights of a mark's word that are tried, and pixels from its middle that a curve keeps away."""
MARK_GAP = 4
"""Points between a mark's line and its word."""


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
    def above_zero(self) -> "Curve":
        """The same curve for a logarithmic axis, which has no place for a loss of exactly zero."""
        return replace(self, y=np.maximum(self.y, SMALLEST))

    @property
    def label(self) -> str:
        """Its meaning in words."""
        return self.meaning.replace("_", " ")


@dataclass(frozen=True)
class Mark:
    """An epoch with a word for what happened there."""

    epoch: int
    word: str


@dataclass(frozen=True)
class Timeline:
    """What a film says of its run's turns.

    marks: epochs that every curve marks.  phases: a word for each frame, or none at all.
    captions: (frame, sentence) pairs in the order of the frames; a sentence stays until the next one.
    """

    marks: tuple[Mark, ...] = ()
    phases: tuple[str, ...] = ()
    captions: tuple[tuple[int, str], ...] = ()

    def phase(self, number: int) -> str:
        """The word for frame ``number``; empty where there is none."""
        return self.phases[number] if self.phases else ""


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
        marks: Sequence[Mark] = (),
        marks_at: float = 0.5,
    ) -> None:
        """marks: epochs that get a line and a word.  marks_at: the words' height, as a fraction."""
        self.log = log
        axes.set_xlim(0, max(last_epoch, 1))
        if log:
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(*limits)
        axes.grid(axis="y", linewidth=0.8)
        mark_epochs(axes)
        name_marks(figure, axes, marks, marks_at, curves)
        self.curves = [(curve, *self._lines(figure, axes, curve)) for curve in curves]
        self.cursor = figure.moving(axes.axvline(0, color=figure.colour["cursor"], linewidth=1))

    def _lines(self, figure: AnimatedFigure, axes: Any, curve: Curve) -> tuple[Any, Any]:
        style: dict[str, Any] = {"color": figure.colour[curve.meaning], "linewidth": curve.width}
        if curve.dashed:
            alone = {"marker": "_", "markersize": 16, "clip_on": False} if len(curve.x) == 1 else {}
            axes.plot(curve.x, curve.y, linestyle=(0, (4, 3)), **style, **alone)
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


def name_marks(
    figure: AnimatedFigure, axes: Any, marks: Sequence[Mark], height: float, curves: Sequence[Curve] = ()
) -> list[Any]:
    """A dotted line at each mark and its word beside it, lower where it would run into the next mark.

    The word stands on the right of its line, on the left where the axes end, and at another height where
    one of the curves would run through it. Returns the words' texts.
    """
    words, renderer = [], figure.canvas.get_renderer()
    box, ends = axes.get_window_extent(), axes.get_xlim()
    starts = [box.x0 + box.width * mark.epoch / ends[1] for mark in marks]
    for i, mark in enumerate(marks):
        axes.axvline(mark.epoch, color=figure.colour["muted"], linewidth=1.2, linestyle=(0, (1, 2)))
        word = _word_beside(figure, axes, mark, height)
        words.append(word)
        wide = word.get_window_extent(renderer).width + 2 * MARK_GAP
        left = starts[i]
        if starts[i] + wide > box.x1:
            word.set(ha="right")
            word.xyann = (-MARK_GAP, 0)
            left -= wide
        word.xy = (mark.epoch, clear_height(axes, curves, (left, left + wide), height))
        if i + 1 < len(marks) and starts[i] + wide > starts[i + 1]:
            word.xyann = (word.xyann[0], -1.3 * SMALL)
    return words


def _word_beside(figure: AnimatedFigure, axes: Any, mark: Mark, height: float) -> Any:
    return axes.annotate(
        mark.word,
        (mark.epoch, height),
        (MARK_GAP, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        va="center",
        fontsize=SMALL,
        color=figure.colour["ink"],
        path_effects=[withStroke(linewidth=3, foreground=figure.colour["background"])],
        zorder=5,
    )


def clear_height(axes: Any, curves: Sequence[Curve], span: tuple[float, float], height: float) -> float:
    """``height``, or the height farthest from all curves where one of them comes too near to it.

    span: left and right end of the word, in pixels.  height: its middle, as a fraction of the axes.
    """
    at = np.linspace(*span, 25)
    lines = [axes.transData.transform(np.column_stack([curve.x, curve.y])) for curve in curves]
    passed = np.concatenate([np.interp(at, *line.T) for line in lines if len(line)] or [np.empty(0)])
    passed, box = passed[np.isfinite(passed)], axes.get_window_extent()
    heights = np.array([height, *MARK_HEIGHTS])
    gaps = np.abs(passed - (box.y0 + box.height * heights)[:, None]).min(axis=1, initial=np.inf)
    return height if gaps[0] >= MARK_ROOM else float(heights[gaps.argmax()])


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

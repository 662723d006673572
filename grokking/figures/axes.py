"""What several figures have in common: epochs with their phases, scales, legends, colours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from grokking.drawing.panels import mark_epochs
from grokking.drawing.style import Style
from grokking.figures.over_training import OverTraining
from grokking.runs.view import RunView

FREQUENCY_COLOURS = ("mean", "test", "samples", "key_frequency", "sine", "train", "null", "ink")

DASHES = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))


def colour_of(meaning: str) -> str:
    """A colour of the palette."""
    return Style().colour[meaning]


def frequency_styles(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Colour and dashes per key frequency, different for up to 32 of them."""
    colours = [colour_of(name) for name in FREQUENCY_COLOURS]
    return {
        k: {"color": colours[i % len(colours)], "linestyle": DASHES[i // len(colours) % len(DASHES)]}
        for i, k in enumerate(sorted(keys))
    }


def sequential() -> LinearSegmentedColormap:
    """From the background through the palette's blue to ink: darker is more."""
    steps = [
        (0, colour_of("background")),
        (0.18, colour_of("train")),
        (0.6, colour_of("mean")),
        (1, colour_of("ink")),
    ]
    return LinearSegmentedColormap.from_list("grokking_sequential", steps)


def diverging() -> LinearSegmentedColormap:
    """Blue below zero, vermillion above; the background in between."""
    return Style().diverging


SMALLEST = 1e-30
"""What a loss of zero is drawn as on a logarithmic axis."""
ROOM_BELOW = 0.1
"""Decades left free under the smallest value on a logarithmic axis."""


def epochs(axes: Any, view: RunView, label: bool = True) -> None:
    """An axis over the whole run, with the epoch of grokking as a dotted line."""
    axes.set_xlim(0, max(view.last_epoch, 1))
    mark_epochs(axes)
    if label:
        axes.set_xlabel("epoch")
    if view.grokking_epoch is not None:
        axes.axvline(view.grokking_epoch, color=colour_of("ink"), linewidth=1, linestyle=(0, (1, 2)))


def phases(axes: Any, view: RunView, over: OverTraining, letter: float | None = 0.0125) -> None:
    """The phases as bands behind the curves, named above the axes in their order.

    letter: width of a letter as a share of the axes; None for no names. They shrink until they fit.
    """
    last = max(view.last_epoch, 1)
    spans = over.phases.spans(0, last)
    if len(spans) < 2:
        return
    for _, start, end in spans[1::2]:
        axes.axvspan(start, end, color=colour_of("faint"), alpha=0.6, linewidth=0, zorder=0)
    if letter is None:
        return
    names = [f"{'■' if i % 2 else '□'} {name}" for i, (name, _, _) in enumerate(spans)]
    middles = [(start + end) / 2 / last for _, start, end in spans]
    widths = [letter * len(name) for name in names]
    shrink = min(1.0, 1 / sum(widths))
    places = side_by_side(middles, [shrink * width for width in widths])
    for name, x in zip(names, places, strict=True):
        axes.annotate(
            name,
            (x, 1),
            (0, 4),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            fontsize=9 * shrink,
            color=colour_of("muted"),
        )


def side_by_side(middles: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Middles moved as far as words of these widths need to stand apart, between 0 and 1 where they fit."""
    placed: list[float] = []
    edge = 0.0
    for middle, width in zip(middles, widths, strict=True):
        placed.append(max(middle, edge + width / 2))
        edge = placed[-1] + width / 2
    edge = 1.0
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], edge - widths[i] / 2)
        edge = placed[i] - widths[i] / 2
    return placed


def guide(axes: Any, y: float, words: str, below: bool = False) -> None:
    """A dotted level with its meaning at the right end."""
    axes.axhline(y, color=colour_of("null"), linewidth=1, linestyle=(0, (1, 2)))
    background = {"facecolor": colour_of("background"), "alpha": 0.8, "edgecolor": "none", "pad": 1}
    axes.annotate(
        words,
        (1, y),
        (-2, -4 if below else 4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="top" if below else "bottom",
        fontsize=9,
        color=colour_of("null"),
        bbox=background,
    )


def logarithmic(axes: Any, values: Sequence[np.ndarray]) -> None:
    """A logarithmic axis in whole decades around the finite values, at most 24 of them."""
    finite = np.concatenate([np.ravel(v)[np.isfinite(np.ravel(v))] for v in values] or [np.ones(1)])
    finite = finite[finite > 0]
    low, high = (np.log10(finite.min()), np.log10(finite.max())) if len(finite) else (-1.0, 0.0)
    axes.set_yscale("log")
    bottom = np.floor(low - ROOM_BELOW)  # or a curve that settles on a whole decade lies on the frame
    axes.set_ylim(10.0 ** max(bottom, np.floor(high) - 23), 10.0 ** (np.floor(high) + 1))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", linewidth=0.8)


def headroom(axes: Any, below: bool = True, share: float = 0.06) -> None:
    """Space between the drawn values and the frame, above and, for curves, below."""
    low, high = axes.get_ylim()
    axes.set_ylim(low - below * share * (high - low), high + share * (high - low))


def percent(axis: Any, most: int = 5) -> None:
    """Shares of one, written as per cent."""
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))


def whole_ticks(axes: Any, most: int = 5) -> None:
    """Few whole numbers on both axes."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(most, integer=True))


def legend(axes: Any, **options: Any) -> None:
    """A legend on a background of its own, without a frame."""
    axes.legend(
        **{
            "frameon": True,
            "framealpha": 0.85,
            "facecolor": colour_of("background"),
            "edgecolor": "none",
            "fontsize": 9.5,
            "handlelength": 1.8,
            "borderaxespad": 0.3,
            **options,
        }
    )


def legend_below(axes: Any, ncols: int, **options: Any) -> None:
    """A legend under the axis' label, where no curve runs."""
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "ncols": ncols, "columnspacing": 1.2}
    legend(axes, **{**below, **options})


def listed(values: Sequence[Any], last: str = "and") -> str:
    """Words in a row: ``14, 35 and 41``."""
    words = [str(value) for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "none"

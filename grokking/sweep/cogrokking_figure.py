"""Two grokking epochs against each other: of runs that learn both, and of pairs that learn one each."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from grokking.drawing.static_figure import figure_for, label_log_epochs, wrapped
from grokking.drawing.style import Style
from grokking.sweep.cogrokking import Comparison, Times

PER_ROW = 2
TITLE = 11.0
"""Font size of a panel's title, in points."""
TITLE_POINTS = 280.0
"""Width of a title, somewhat less than that of a panel."""


def draw_cogrokking(compared: Sequence[Comparison], titles: Sequence[str], output: Path) -> Path:
    """One panel per comparison, both axes logarithmic and the same in all. Returns ``output``.

    On the diagonal both operations grok at once. An operation that had not grokked by the last epoch is a
    hollow triangle at that epoch, pointing to later times. A number counts marks that coincide.
    """
    columns = min(PER_ROW, len(compared))
    rows = -(-len(compared) // columns)
    low, high = _limits(compared)
    with figure_for(output, rows, columns, (max(5.6, 4.4 * columns), 4.7 * rows)) as (figure, axes):
        for ax, c, title in zip(axes.flat, compared, titles, strict=False):
            _draw(ax, c)
            ax.set(
                xscale="log",
                yscale="log",
                xlim=(low, high),
                ylim=(low, high),
                box_aspect=1,
                xlabel=f"epoch at which {c.pair[0]} groks",
                ylabel=f"epoch at which {c.pair[1]} groks",
            )
            for axis in (ax.xaxis, ax.yaxis):
                label_log_epochs(axis, low, high)
            ax.set_title(wrapped(title, TITLE_POINTS, TITLE), fontsize=TITLE)
        for ax in list(axes.flat)[len(compared) :]:
            ax.set_axis_off()
        # Squares leave the layout less room above than it believes.
        figure.set_layout_engine("constrained", h_pad=0.15)
        figure.legend(
            handles=_legend(),
            loc="outside lower center",
            ncols=3 if columns > 1 else 1,
            frameon=False,
            fontsize=10,
        )
    return output


def _limits(compared: Sequence[Comparison]) -> tuple[float, float]:
    times = [t for c in compared for t in (*c.joint, *c.alone[0], *c.alone[1])]
    epochs = [max(epoch or t.trained, 1) for t in times for epoch in t.epochs.values()]
    return 0.7 * min(epochs), 1.4 * max(epochs)


def _draw(ax: Any, c: Comparison) -> None:
    colour = Style().colour
    ends = np.array([1e-3, 1e9])
    ax.plot(ends, ends, color=colour["null"], lw=1, ls=(0, (4, 3)), zorder=0)
    first, second = c.pair
    for a in c.alone[0]:
        for b in c.alone[1]:
            _mark(ax, a, b, c.pair, "other_frequency", 4)
    marks = Counter(_mark(ax, t, t, (first, second), "key_frequency", 7) for t in c.joint)
    for at, n in marks.items():
        if n > 1:
            ax.annotate(f"× {n}", at, xytext=(8, 0), textcoords="offset points", va="center", fontsize=10)


def _mark(
    ax: Any, a: Times, b: Times, pair: tuple[str, str], meaning: str, size: float
) -> tuple[float, float]:
    """Draws one mark; returns where it lies."""
    x, y = a.epochs[pair[0]], b.epochs[pair[1]]
    shapes = {(False, False): "o", (True, False): ">", (False, True): "^", (True, True): "s"}
    shape = shapes[x is None, y is None]
    face = "none" if x is None or y is None else Style().colour[meaning]
    at = max(a.trained if x is None else x, 1), max(b.trained if y is None else y, 1)
    ax.plot(*at, shape, ms=size, mfc=face, mec=Style().colour[meaning], alpha=0.85, ls="")
    return at


def _legend() -> list[Line2D]:
    colour = Style().colour
    return [
        Line2D([], [], color=colour["key_frequency"], marker="o", ms=7, ls="", label="one run learns both"),
        Line2D(
            [],
            [],
            color=colour["other_frequency"],
            marker="o",
            ms=4,
            ls="",
            label="two runs learn one operation each",
        ),
        Line2D(
            [],
            [],
            color=colour["ink"],
            marker="^",
            ms=6,
            mfc="none",
            ls="",
            label="not grokked by then (square: neither)",
        ),
    ]

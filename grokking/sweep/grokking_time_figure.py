"""Grokking time against one field of the grid: every run a mark, medians a line, censored runs hollow."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from grokking.drawing.static_figure import (
    LABEL,
    LINE,
    figure_for,
    label_categories,
    label_log_epochs,
    text_width,
    upright,
    wrapped,
)
from grokking.drawing.style import Style
from grokking.sweep.statistics import CellStatistics
from grokking.sweep.tables import shown

FEW_TICKS = 5
MOST_PANELS = 16
PER_ROW = 3
"""Panels side by side; one more where there are more than so many rows of them."""
JITTER = 0.012
"""Share of the axis between neighbouring runs of one cell, so that equal ones are all visible."""
REACH = 0.35
"""How far a cell's runs may go from its place, as a share of the way to the nearest other cell."""
TITLE = 9.0
"""Font size of the panels' titles, in points."""
AXIS_INCHES = 0.9
"""Inches of a row of panels that epochs and their name take."""


@dataclass(frozen=True)
class Across:
    """The horizontal axis, which all panels share. at: the place of each value of the field."""

    at: dict[object, float]
    numbers: bool

    @classmethod
    def of(cls, statistics: Sequence[CellStatistics]) -> "Across":
        """Numbers are placed by value, other values at 0, 1, 2, …"""
        keys = list(dict.fromkeys(s.cell.key[0] if s.cell.key else "" for s in statistics))
        numbers = all(isinstance(k, int | float) and not isinstance(k, bool) for k in keys)
        return cls({k: float(k) if numbers else float(i) for i, k in enumerate(keys)}, numbers)

    @property
    def labels(self) -> list[str]:
        """The values in words."""
        return [shown(key) for key in self.at]

    def place(self, s: CellStatistics) -> float:
        """Where a cell lies."""
        return self.at[s.cell.key[0] if s.cell.key else ""]

    def spread(self, s: CellStatistics) -> np.ndarray:
        """Where the cell's runs lie, float64 [n]: nearer to it than to any other cell."""
        n, here = len(s.cell.results), self.place(s)
        whole = float(np.ptp(list(self.at.values()))) or 1.0
        nearest = min((abs(x - here) for x in self.at.values() if x != here), default=1.0)
        step = min(JITTER * whole, 2 * REACH * nearest / max(n - 1, 1))
        return here + step * (np.arange(n) - (n - 1) / 2)


def draw_grokking_time(statistics: Sequence[CellStatistics], by: Sequence[str], output: Path) -> Path:
    """One panel per combination of the fields after the first, which is the horizontal axis.

    Epochs are on a logarithmic axis. A run that had not grokked by its last epoch is a hollow
    triangle at that epoch: its time lies above. Returns ``output``.
    """
    panels: dict[tuple[object, ...], list[CellStatistics]] = {}
    for s in statistics:
        panels.setdefault(s.cell.key[1:], []).append(s)
    chosen = list(panels.items())[:MOST_PANELS]
    columns = min(PER_ROW + (len(chosen) > PER_ROW**2), len(chosen))
    rows = -(-len(chosen) // columns)
    across = Across.of(statistics)
    with Style().context():
        width = _width(across, columns)
        points = 72 * ((width - AXIS_INCHES) / columns - 0.15)
        titles = [_title(by[1:], key, points) for key, _ in chosen]
        size = (width, _height(across, titles, rows, points))
    with figure_for(output, rows, columns, size, sharex=True, sharey=True) as (figure, axes):
        for ax, (_, cells), title in zip(axes.flat, chosen, titles, strict=False):
            _draw(ax, cells, across)
            ax.set_title(title, fontsize=TITLE)
        _name_axes(axes, len(chosen), across, words(by[0]) if by else "", points)
        _explain(figure, len(panels) - len(chosen))
    return output


def _width(across: Across, columns: int) -> float:
    """Inches of the figure: room for every category, upright if need be."""
    least = 0.15 if across.numbers else 0.15 + len(across.at) * LABEL * LINE / 72
    return max(7.0, columns * max(4.2, least) + AXIS_INCHES * (least > 4.0))


def _height(across: Across, titles: Sequence[str], rows: int, points: float) -> float:
    """Inches of the figure: what stands above and below the panels takes nothing from them."""
    lines = max(title.count("\n") for title in titles)
    labels = 0.0
    if not across.numbers and upright(across.labels, points / len(across.at)):
        labels = max(text_width(label, LABEL) for label in across.labels) / 72
    return rows * (4.6 + lines * TITLE * LINE / 72) + labels


def _title(names: Sequence[str], key: Sequence[object], points: float) -> str:
    """One field a line."""
    text = "\n".join(f"{name} = {shown(value)}" for name, value in zip(names, key, strict=True))
    return wrapped(text, points, TITLE)


def _draw(ax: Axes, statistics: Sequence[CellStatistics], across: Across) -> None:
    colour = Style().colour
    for s in statistics:
        results = sorted(s.cell.results, key=lambda r: r.config.seed)
        at = list(zip(across.spread(s), results, strict=True))
        learnt = [(x, r.memorisation_epoch) for x, r in at if r.memorisation_epoch is not None]
        grokked = [(x, r.grokking_epoch) for x, r in at if r.grokking_epoch is not None]
        never = [(x, r.trained) for x, r in at if r.grokking_epoch is None]
        _mark(ax, learnt, "s", ms=4, color=colour["train"], alpha=0.7)
        _mark(ax, grokked, "o", ms=5, color=colour["test"], alpha=0.8)
        _mark(ax, never, "^", ms=7, mfc="none", mec=colour["test"])
    for name, meaning in (("memorisation", "train"), ("grokking", "test")):
        medians = [getattr(s, name).value for s in statistics]
        line = [np.nan if m is None else max(m, 1) for m in medians]
        ax.plot([across.place(s) for s in statistics], line, color=colour[meaning], lw=1.4, marker="_", ms=12)
    ax.set_yscale("log")
    ax.margins(x=0.06, y=0.06)
    label_log_epochs(ax.yaxis, *ax.get_ylim())
    ax.grid(axis="y", which="major", color=colour["faint"], lw=0.6)


def _mark(ax: Axes, at: Sequence[tuple[float, int]], marker: str, **style: Any) -> None:
    if at:
        ax.plot([x for x, _ in at], [max(epoch, 1) for _, epoch in at], marker, **style)


def _name_axes(axes: np.ndarray, n: int, across: Across, name: str, points: float) -> None:
    """Axis labels on the panels of the left column and of the lowest row."""
    places = list(across.at.values())
    for ax in axes.flat[n:]:
        ax.set_axis_off()
    for ax in axes.flat[max(0, n - axes.shape[1]) : n]:
        if not across.numbers:
            label_categories(ax, places, across.labels, points / len(places))
            ax.set_xlim(-0.5, len(places) - 0.5)
        else:
            whole = all(place.is_integer() for place in places)
            ax.xaxis.set_major_locator(MaxNLocator(FEW_TICKS, integer=whole))
        ax.tick_params(labelbottom=True)
        ax.set_xlabel(name)
    for row in axes:
        row[0].set_ylabel("epoch")


def _explain(figure: Figure, left_out: int) -> None:
    title = "Epochs until train and test accuracy reach 99 %"
    figure.suptitle(title + (f" ({left_out} further panels left out)" if left_out else ""))
    figure.legend(handles=_legend(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)


def _legend() -> list[Line2D]:
    colour = Style().colour
    return [
        Line2D([], [], color=colour["test"], marker="o", ms=5, label="test: a run, and the median"),
        Line2D(
            [], [], color=colour["test"], marker="^", ms=7, mfc="none", ls="", label="not grokked by then"
        ),
        Line2D([], [], color=colour["train"], marker="s", ms=4, label="train: a run, and the median"),
    ]


def words(field: str) -> str:
    """A field as an axis names it."""
    return {"train_frac": "fraction of pairs trained on", "weight_decay": "weight decay"}.get(field, field)

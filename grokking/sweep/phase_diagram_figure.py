"""A map over two fields of the grid: where networks grok, how late, and where they do not."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, LogNorm, to_rgb
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from grokking.drawing.static_figure import figure_for, label_log_epochs
from grokking.drawing.style import Style
from grokking.sweep.grokking_time_figure import words
from grokking.sweep.statistics import CellStatistics

PALEST = 0.12
"""Share of colour in the earliest cell, so that it does not look like an empty one."""
SPAN = 4.0
"""Least ratio of the colour bar's ends: medians that lie closer than that look alike."""
WIDTH, HEIGHT = 0.96, 0.92
"""Of a cell, whose neighbours' middles lie 1 away."""
SIZES = (9.0, 8.0, 7.0)
"""Font sizes tried for the words in a cell, in points."""


def draw_phase_diagram(statistics: Sequence[CellStatistics], by: Sequence[str], output: Path) -> Path:
    """First field across, second field up; cells of one pair must not differ in anything else.

    Colour and, where it fits, text are the Kaplan–Meier median of the grokking epoch; below it stands how
    many runs grokked and, where the train set was not even memorised, that. Cells whose median is not
    reached are hatched, cells that no run has begun are empty. Returns ``output``.
    """
    across = sorted({s.cell.key[0] for s in statistics})
    up = sorted({s.cell.key[1] for s in statistics})
    size = (max(6.5, 1.05 * len(across) + 2.2), max(4.2, 0.72 * len(up) + 2.0))
    with figure_for(output, 1, 1, size) as (figure, axes):
        ax = axes[0, 0]
        norm, colours = _norm(statistics), _map()
        texts = [
            _draw_cell(ax, s, across.index(s.cell.key[0]), up.index(s.cell.key[1]), colours, norm)
            for s in statistics
        ]
        ax.set_xticks(range(len(across)), [f"{x:g}" if isinstance(x, float) else str(x) for x in across])
        ax.set_yticks(range(len(up)), [f"{y:g}" if isinstance(y, float) else str(y) for y in up])
        ax.set(xlabel=words(by[0]), ylabel=words(by[1]))
        ax.set(xlim=(-0.5, len(across) - 0.5), ylim=(-0.5, len(up) - 0.5))
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        if norm is not None:
            bar = figure.colorbar(ScalarMappable(norm, colours), ax=ax, label="median grokking epoch")
            label_log_epochs(bar.ax.yaxis, *bar.ax.get_ylim())
        n = sum(len(s.cell.results) for s in statistics)
        ax.set_title(
            f"Where networks grok: median epoch, and how many runs grokked ({n} runs)\n"
            "hatched: the median run did not grok within its epochs",
            fontsize=10,
        )
        figure.draw_without_rendering()  # the layout says how large a cell is
        for text, s in zip(texts, statistics, strict=True):
            _fill(ax, text, s)
    return output


def _norm(statistics: Sequence[CellStatistics]) -> LogNorm | None:
    """From the earliest median to the latest, and no narrower than ``SPAN``; None without a median."""
    medians = [max(1.0, s.grokking.value) for s in statistics if s.grokking.value is not None]
    if not medians:
        return None
    low, high = min(medians), max(medians)
    wider = max(1.0, SPAN * low / high) ** 0.5
    return LogNorm(low / wider, high * wider)


def _draw_cell(
    ax: Axes, s: CellStatistics, x: int, y: int, colours: LinearSegmentedColormap, norm: LogNorm | None
) -> Text:
    """Draws one cell; returns its text, still empty."""
    look = Style().colour
    median = s.grokking.value
    face = look["background"] if median is None or norm is None else colours(norm(max(1.0, median)))
    hatch = "////" if median is None else None
    ax.add_patch(
        Rectangle(
            (x - WIDTH / 2, y - HEIGHT / 2),
            WIDTH,
            HEIGHT,
            facecolor=face,
            edgecolor=look["faint"],
            hatch=hatch,
            lw=0.8,
        )
    )
    ink = max((look["ink"], look["background"]), key=lambda colour: contrast(colour, face))
    box = {"facecolor": look["background"], "edgecolor": "none", "pad": 1.5} if hatch else None
    return ax.text(x, y, "", ha="center", va="center", color=ink, bbox=box)


def _fill(ax: Axes, text: Text, s: CellStatistics) -> None:
    """Write into a cell what fits: at most all, at least how many runs grokked."""
    first, x_and_y = _lines(s), text.get_position()
    corners = [(c - side / 2, c + side / 2) for c, side in zip(x_and_y, (WIDTH, HEIGHT), strict=True)]
    (x0, y0), (x1, y1) = ax.transData.transform(np.array(corners).T)
    for lines in (first, first[1:]) if s.grokking.value is not None else (first,):
        for size in SIZES:
            text.set(text="\n".join(lines), fontsize=size)
            extent = text.get_window_extent()
            if extent.width < x1 - x0 and extent.height < y1 - y0:
                return


def _lines(s: CellStatistics) -> list[str]:
    lines = [] if s.grokking.value is None else [f"epoch {s.grokking.value:.0f}"]
    lines.append(f"{s.share.hits} / {s.share.n}")
    if s.memorisation.n_observed < s.memorisation.n:
        lines.append(f"{s.memorisation.n_observed} memorised")
    if s.cell.running:
        lines.append(f"{s.cell.running} not over")
    return lines


def _map() -> LinearSegmentedColormap:
    """From early (pale) to late (dark), through the colour of test accuracy."""
    look = Style().colour
    paper, middle = (np.array(to_rgb(look[name])) for name in ("background", "test"))
    pale = (1 - PALEST) * paper + PALEST * middle
    return LinearSegmentedColormap.from_list("late", [tuple(pale), look["test"], look["ink"]])


def contrast(one: object, other: object) -> float:
    """Ratio of two colours' luminances, 1 to 21, as the web's guidelines for reading define it."""
    dark, light = sorted([_luminance(one), _luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: object) -> float:
    rgb = np.array(to_rgb(colour))  # type: ignore[arg-type]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])

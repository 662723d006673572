"""Curves of runs with their phases: measures of behaviour and of the weights, of a chosen few."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from grokking.drawing.panels import mark_epochs
from grokking.drawing.static_figure import LINE, figure_for, wrapped
from grokking.drawing.style import Style
from grokking.metrics.phases import CIRCUIT_FORMATION, CLEANUP, MEMORISATION, Phases
from grokking.sweep.measured import Measured
from grokking.sweep.tables import shown
from grokking.tasks import modulus_text

MOST_COLUMNS = 6
PER_BAND = 3
WIDTH, ROW = 8.8, 1.75
"""Inches of the width and of a row: inside a page, the words are about as large as the page's own."""
ROW_PAD = 0.14
"""Inches above and below each row: the names of its curves stand there."""
TITLE = 9.5
"""Font size of the columns' titles, in points."""
SHADE = 0.13
PHASE_COLOURS = {MEMORISATION: "other_frequency", CIRCUIT_FORMATION: "sine", CLEANUP: "samples"}
ROWS = (
    (
        "loss (nats)",
        (
            ("train_loss", "train", "-"),
            ("test_loss", "test", "-"),
            ("restricted_loss", "key_frequency", "-"),
            ("excluded_loss", "other_frequency", "-"),
        ),
        True,
    ),
    ("accuracy", (("train_acc", "train", "-"), ("test_acc", "test", "-")), False),
    ("Gini, Fourier strength", (("gini", "mean", "-"), ("fourier_strength", "key_frequency", "--")), False),
    ("weight norm", (("weight_norm", "mean", "-"),), False),
)
LABELS = {
    "train_loss": "train",
    "test_loss": "test",
    "restricted_loss": "restricted",
    "excluded_loss": "excluded",
    "train_acc": "train",
    "test_acc": "test",
    "gini": "Gini of W_E",
    "fourier_strength": "Fourier strength",
    "weight_norm": "all parameters",
}


@dataclass(frozen=True)
class Column:
    """One run or one operation of it. history, progress: contents of these files.  suffix: of its names."""

    title: str
    history: Mapping[str, Any]
    progress: Mapping[str, Any]
    phases: Phases
    suffix: str = ""


def draw_phase_curves(columns: Sequence[Column], output: Path) -> Path:
    """One column per run, at most six, in bands of three: a picture that is legible inside a page.

    Each phase has its colour behind the curves; a dotted line marks the grokking epoch. Returns ``output``.
    """
    columns = columns[:MOST_COLUMNS]
    per_band = min(PER_BAND, len(columns))
    bands = [columns[at : at + per_band] for at in range(0, len(columns), per_band)]
    with Style().context():
        # What stands left of the first column and between two of them is not theirs.
        room = 72 * ((WIDTH - 1.0) / per_band - 0.25)
        titles = [[wrapped(c.title, room, TITLE) for c in band] for band in bands]
    lines = [1 + max(title.count("\n") for title in band) for band in titles]
    size = (WIDTH, sum(ROW * len(ROWS) + n * TITLE * LINE / 72 for n in lines) + 0.6)
    rows = len(ROWS) * len(bands)
    with figure_for(output, rows, per_band, size, sharey="row") as (figure, axes):
        for i, (band, names) in enumerate(zip(bands, titles, strict=True)):
            _draw_band(axes[i * len(ROWS) : (i + 1) * len(ROWS)], band, names)
        figure.set_layout_engine("constrained", h_pad=ROW_PAD)
        figure.legend(
            handles=_phase_patches(), loc="outside upper center", ncols=4, frameon=False, fontsize=TITLE
        )
    return output


def _draw_band(axes: Any, band: Sequence[Column], titles: Sequence[str]) -> None:
    """Some runs beside each other. axes: [len(ROWS), at least as many as runs]."""
    for column, title, axes_of_run in zip(band, titles, axes.T, strict=False):
        for ax, (_, curves, logarithmic) in zip(axes_of_run, ROWS, strict=True):
            _draw(ax, column, curves, logarithmic)
            mark_epochs(ax, 3)
        axes_of_run[0].set_title(title, fontsize=TITLE, pad=24)
        axes_of_run[-1].set_xlabel("epoch")
    for ax in axes[:, len(band) :].flat:
        ax.set_axis_off()
    for row, (label, _, _) in zip(axes, ROWS, strict=True):
        row[0].set_ylabel(label)
        lines, names = _names(row)
        over = {
            "loc": "lower left",
            "bbox_to_anchor": (-0.02, 0.97),
            "ncols": len(names),
            "columnspacing": 1.2,
        }
        legend = row[0].legend(lines, names, frameon=False, fontsize=TITLE, borderpad=0.1, **over)
        legend.set_in_layout(False)  # it runs over the columns beside the first, which must not give way


def _phase_patches() -> list[Any]:
    """The legend of what lies behind the curves."""
    colour = Style().colour
    patches: list[Any] = [
        Patch(facecolor=colour[meaning], alpha=SHADE, label=phase) for phase, meaning in PHASE_COLOURS.items()
    ]
    return [*patches, Line2D([], [], color=colour["ink"], lw=0.9, ls=":", label="grokked")]


def _names(row: Sequence[Axes]) -> tuple[list[Any], list[str]]:
    """Every curve of a row and its name, once: the last run may lack some that others have."""
    found = {name: line for ax in row for line, name in zip(*ax.get_legend_handles_labels(), strict=True)}
    return list(found.values()), list(found)


def _draw(ax: Axes, column: Column, curves: Sequence[tuple[str, str, str]], logarithmic: bool) -> None:
    colour = Style().colour
    for name, meaning, style in curves:
        epochs, values = _curve(name, column)
        if epochs:
            ax.plot(epochs, values, color=colour[meaning], linestyle=style, label=LABELS[name], lw=1.4)
    first, last = column.history["epochs"][0], column.history["epochs"][-1]
    for phase, start, end in column.phases.spans(first, last):
        ax.axvspan(start, end, color=colour[PHASE_COLOURS[phase]], alpha=SHADE, lw=0, zorder=0)
    grokked = column.history.get("grokking_epoch" + column.suffix)
    if grokked is not None:
        ax.axvline(grokked, color=colour["ink"], lw=0.9, ls=":")
    if logarithmic:
        ax.set_yscale("log")
    ax.margins(y=0.05)
    ax.set_xlim(first, last)


def _curve(name: str, column: Column) -> tuple[list[int], list[float]]:
    """From the history, which has more rows, else from the progress measures; empty if in neither."""
    for record in (column.history, column.progress):
        values = record.get(name + column.suffix, record.get(name))
        if values is not None and any(v is not None for v in values):
            return record["epochs"], [float("nan") if v is None else v for v in values]
    return [], []


IN_TITLE = ("p", "task", "train_frac")
"""Fields that every title names."""


def choose(runs: Sequence[Measured], most: int = MOST_COLUMNS) -> list[Measured]:
    """At most ``most`` runs from all over the folder, in its order.

    Runs that grokked come first, since the figure is about how they did; one column is left for a run that
    never grokked.
    """
    grokked = [i for i, m in enumerate(runs) if m.grokking_epoch is not None]
    never = [i for i, m in enumerate(runs) if m.grokking_epoch is None]
    of_grokked = min(len(grokked), most - bool(never))
    chosen = _evenly(grokked, of_grokked) + _evenly(never, min(len(never), most - of_grokked))
    return [runs[i] for i in sorted(chosen)]


def _evenly(items: Sequence[int], n: int) -> list[int]:
    return [items[i] for i in np.linspace(0, len(items) - 1, n).round().astype(int)]


def titles(runs: Sequence[Measured], by: Sequence[str]) -> list[str]:
    """What each is, with the fields ``by`` in which the folder's runs differ; no two are the same."""
    found = [_title(m, by) for m in runs]
    often = Counter(found)
    return [
        f"{title}\n{m.result.name}" if often[title] > 1 else title
        for m, title in zip(runs, found, strict=True)
    ]


def _title(m: Measured, by: Sequence[str]) -> str:
    c = m.result.config
    what = f"{m.operation} of {c.task}" if m.operation else c.task
    trained = f"{c.train_frac:g} trained" if c.known("train_frac") else "split unknown"
    seed = f", seed {c.seed}" if c.known("seed") else ""
    others = [f"{name} = {shown(getattr(c, name))}" for name in by if name not in IN_TITLE and c.known(name)]
    return "\n".join(filter(None, [f"{what}{modulus_text(c.as_dict())}, {trained}{seed}", ", ".join(others)]))

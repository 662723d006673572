"""Curves of runs with their phases: measures of behaviour and of the weights, of a chosen few."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from grokking.drawing.panels import mark_epochs
from grokking.drawing.static_figure import LINE, figure_for, wrapped
from grokking.drawing.style import Style
from grokking.metrics.phases import CIRCUIT_FORMATION, Phases
from grokking.sweep.measured import Measured
from grokking.sweep.tables import shown
from grokking.tasks import modulus_text

MOST_COLUMNS = 6
LEGEND = 2.4
"""Inches to the right of the curves, so that no name lies on one."""
TITLE = 9.0
"""Font size of the columns' titles, in points."""
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
    "restricted_loss": "restricted (key frequencies only)",
    "excluded_loss": "excluded (without them)",
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
    """One column per run, at most six: the time between memorisation and cleanup is shaded.

    A dotted line marks the grokking epoch. Returns ``output``.
    """
    columns = columns[:MOST_COLUMNS]
    width = max(4.4, 3.3 * len(columns))
    with Style().context():
        # What stands left of the first column and between two of them is not theirs.
        titles = [wrapped(c.title, 72 * ((width - 1.0) / len(columns) - 0.15), TITLE) for c in columns]
    size = (LEGEND + width, 9.0 + max(title.count("\n") for title in titles) * TITLE * LINE / 72)
    with figure_for(output, len(ROWS), len(columns), size, sharex="col", sharey="row") as (figure, axes):
        for column, title, axes_of_run in zip(columns, titles, axes.T, strict=True):
            for ax, (_, curves, logarithmic) in zip(axes_of_run, ROWS, strict=True):
                _draw(ax, column, curves, logarithmic)
            axes_of_run[0].set_title(title, fontsize=TITLE)
            axes_of_run[-1].set_xlabel("epoch")
            mark_epochs(axes_of_run[-1], 3)
        for row, (label, _, _) in zip(axes, ROWS, strict=True):
            row[0].set_ylabel(label)
            lines, names = _names(row)
            row[-1].legend(
                lines, names, frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5)
            )
        figure.suptitle(
            "shaded: circuit formation, after memorisation and before cleanup; dotted: grokking", fontsize=10
        )
    return output


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
        if phase == CIRCUIT_FORMATION:
            ax.axvspan(start, end, color=colour["faint"], alpha=0.6, lw=0, zorder=0)
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

"""Histories drawn side by side: losses, accuracies, Fourier strength and weight norm over epochs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from grokking.drawing.static_figure import save_figure
from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.metrics.registry import METRICS
from grokking.runs.run import Run
from grokking.storage.atomic_io import folder_for
from grokking.tasks.base import CurveSpec

LOSSES = CurveSpec(
    "loss",
    (("train_loss", "train", "train"), ("test_loss", "test", "test"), ("all_loss", "all_pairs", "all pairs")),
    logarithmic=True,
)
ACCURACIES = CurveSpec(
    "accuracy",
    (("train_acc", "train", "train"), ("test_acc", "test", "test"), ("all_acc", "all_pairs", "all pairs")),
)
NORM = CurveSpec("weight norm", (("weight_norm", "mean", "mean"),))
MAX_COLUMNS = 8


def draw_comparison(runs: Sequence[Run], output: Path) -> Path:
    """One column per run, one row per kind of curve, axes shared along each row; returns ``output``.

    Raises UserError for more runs than fit on a page, or where the picture cannot be written.
    """
    if len(runs) > MAX_COLUMNS:
        raise UserError(f"{len(runs)} runs do not fit on one picture; accepted: up to {MAX_COLUMNS}")
    rows = _rows(runs)
    width = max(4.0, 3.1 * len(runs))
    with folder_for(output.parent), Style().context():
        figure, axes = plt.subplots(
            len(rows),
            len(runs),
            sharey="row",
            sharex="col",
            squeeze=False,
            figsize=(width, 8.4),
            layout="constrained",
        )
        for column, run in enumerate(runs):
            for row, spec in enumerate(rows):
                draw_panel(axes[row][column], run, spec)
                if column == 0:
                    axes[row][0].set_ylabel(spec.title)
            axes[0][column].set_title(_title(run), fontsize=10)
            axes[-1][column].set_xlabel("epoch")
        for row in axes[:-1]:
            explained: set[str] = set()
            for ax in row:
                # Once per row, and again where a run has other curves.
                labels = set(ax.get_legend_handles_labels()[1])
                if not labels <= explained:
                    ax.legend(frameon=False, fontsize=9)
                explained |= labels
        try:
            return save_figure(figure, output)
        finally:
            plt.close(figure)


def _rows(runs: Sequence[Run]) -> list[CurveSpec]:
    """Losses, accuracies, the panels of all metrics that one of the runs has, norm; equal titles joined."""
    applying = [metric for metric in METRICS if any(metric.applies(run.task) for run in runs)]
    own = [spec for metric in applying for spec in metric.curves]
    rows: dict[str, CurveSpec] = {}
    for spec in (LOSSES, ACCURACIES, *own, NORM):
        before = rows.get(spec.title)
        rows[spec.title] = spec if before is None else replace(before, columns=before.columns + spec.columns)
    return list(rows.values())


def draw_panel(ax: Axes, run: Run, spec: CurveSpec) -> None:
    """One panel: every column of the spec that the run's history has."""
    colour = Style().colour
    history = run.history
    for name, meaning, label in spec.columns:
        for key, style, operation in _columns(name, run, history):
            ax.plot(
                history["epochs"],
                [float("nan") if v is None else v for v in history[key]],
                color=colour[meaning],
                linestyle=style,
                label=label + (f", {operation}" if operation else ""),
            )
    if spec.logarithmic:
        ax.set_yscale("log")
    if (epoch := history.get("grokking_epoch")) is not None:
        ax.axvline(epoch, color=colour["muted"], linewidth=0.8, linestyle=":")
    ax.set_xlim(0, None)


def _columns(name: str, run: Run, history: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The history's columns for a curve, with line style and operation: one, or one per operation."""
    if name in history:
        return [(name, "-", "")]
    found = [op for op in run.task.names if f"{name}_{op}" in history]
    styles = ["-", "--", ":", "-."] * len(found)
    return [(f"{name}_{op}", style, op) for op, style in zip(found, styles, strict=False)]


def _title(run: Run) -> str:
    c, grokked = run.config, run.history.get("grokking_epoch")
    trained = f"{c.train_frac:.3g} trained" if c.known("train_frac") else "split unknown"
    if c.imported:
        return f"{run.name}\n{run.task.title}\n{trained}, trained elsewhere"
    when = "not grokked" if grokked is None else f"groks at {grokked}"
    return f"{run.name}\n{run.task.title}\n{trained}, seed {c.seed}, {when}"

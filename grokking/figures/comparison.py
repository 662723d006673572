"""Histories drawn side by side: losses, accuracies, Fourier strength and weight norm over epochs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from grokking.config import KINEMATICS, MODULAR
from grokking.drawing.static_figure import save_figure
from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.runs.run import Run
from grokking.storage.atomic_io import folder_for

HELD_OUT = (("angles", "heldout_angles"), ("speeds", "heldout_speeds"))
LOSSES = ("loss", (("train_loss", "train"), ("test_loss", "test"), ("all_loss", "all_pairs")), True)
ACCURACIES = (
    "accuracy",
    (
        ("train_acc", "train"),
        ("test_acc", "test"),
        ("all_acc", "all_pairs"),
        *((f"{part}_acc", colour) for part, colour in HELD_OUT),
    ),
    False,
)
OWN = {
    MODULAR: (
        "Fourier strength",
        (("fourier_strength", "key_frequency"), ("fourier_strength_null", "null")),
        False,
    ),
    KINEMATICS: (
        "mean error, m",
        (
            ("train_mae", "train"),
            ("test_mae", "test"),
            *((f"{part}_mae", colour) for part, colour in HELD_OUT),
        ),
        True,
    ),
}
NORM = ("weight norm", (("weight_norm", "mean"),), False)
LABELS = {
    "fourier_strength": "measured",
    "fourier_strength_null": "95 % of shuffles",
    "angles_acc": "unseen angles",
    "speeds_acc": "faster than trained",
    "angles_mae": "unseen angles",
    "speeds_mae": "faster than trained",
}
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
            for row, (title, curves, logarithmic) in enumerate(rows):
                _draw(axes[row][column], run, curves, logarithmic)
                if column == 0:
                    axes[row][0].set_ylabel(title)
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


def _rows(runs: Sequence[Run]) -> list[Any]:
    """Losses, accuracies, what each kind of task among the runs has, norm."""
    families = {run.config.family for run in runs}
    return [LOSSES, ACCURACIES, *(row for family, row in OWN.items() if family in families), NORM]


def _draw(ax: Axes, run: Run, curves: Sequence[tuple[str, str]], logarithmic: bool) -> None:
    colour = Style().colour
    history = run.history
    for name, meaning in curves:
        for key, style, operation in _columns(name, run, history):
            label = LABELS.get(name, meaning.replace("_", " ")) + (f", {operation}" if operation else "")
            ax.plot(
                history["epochs"],
                [float("nan") if v is None else v for v in history[key]],
                color=colour[meaning],
                linestyle=style,
                label=label,
            )
    if logarithmic:
        ax.set_yscale("log")
    if (epoch := history.get("grokking_epoch")) is not None:
        ax.axvline(epoch, color=colour["muted"], linewidth=0.8, linestyle=":")
    ax.set_xlim(0, None)


def _columns(name: str, run: Run, history: dict[str, Any]) -> list[tuple[str, str, str]]:
    """The history's columns for a curve, with line style and operation: one, or one per operation."""
    if name in history:
        return [(name, "-", "")]
    found = [op for op in run.problem.names if f"{name}_{op}" in history]
    styles = ["-", "--", ":", "-."] * len(found)
    return [(f"{name}_{op}", style, op) for op, style in zip(found, styles, strict=False)]


def _title(run: Run) -> str:
    c, grokked = run.config, run.history.get("grokking_epoch")
    trained = f"{c.train_frac:.3g} trained" if c.known("train_frac") else "split unknown"
    if c.imported:
        return f"{run.name}\n{run.problem.title}\n{trained}, trained elsewhere"
    when = "not grokked" if grokked is None else f"groks at {grokked}"
    return f"{run.name}\n{run.problem.title}\n{trained}, seed {c.seed}, {when}"

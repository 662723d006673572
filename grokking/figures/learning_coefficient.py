"""The picture of learning coefficients: the estimate over training, and the chains that it rests on."""

from pathlib import Path
from typing import Any

import numpy as np

from grokking.drawing.static_figure import figure_for
from grokking.figures.axes import colour_of
from grokking.runs.learning_coefficients import OverCheckpoints

SIZE = (9.0, 3.8)


def draw_learning_coefficients(measured: OverCheckpoints, output: Path) -> Path:
    """Left, λ̂ with its standard error over epochs; right, the loss along every chain of the last checkpoint.

    Returns ``output``; raises UserError where it cannot be written.
    """
    with figure_for(output, 1, 2, SIZE) as (figure, axes):
        figure.suptitle(f"Local learning coefficient: {measured.run.name}, {measured.run.task.title}")
        _draw_estimates(axes[0, 0], measured)
        _draw_trace(axes[0, 1], measured)
    return output


def _draw_estimates(axes: Any, measured: OverCheckpoints) -> None:
    epochs, found = list(measured.found), list(measured.found.values())
    axes.errorbar(
        epochs,
        [e.value for e in found],
        [e.standard_error for e in found],
        color=colour_of("test"),
        marker="o",
        markersize=4,
        capsize=2,
    )
    grokked = measured.run.history.get("grokking_epoch")
    if grokked is not None:
        axes.axvline(grokked, color=colour_of("muted"), linewidth=1, linestyle=":")
        axes.set_title(f"dotted: grokking epoch {grokked}", fontsize=10)
    axes.set(xlabel="epoch", ylabel="λ̂, mean of the chains ± standard error")
    axes.grid(axis="y", linewidth=0.8)


def _draw_trace(axes: Any, measured: OverCheckpoints) -> None:
    epoch, estimate = list(measured.found.items())[-1]
    shades = np.linspace(0.35, 1, len(estimate.trace))
    for chain, shade in zip(estimate.trace, shades, strict=True):
        axes.plot(chain, color=colour_of("mean"), alpha=shade, linewidth=0.9)
    axes.axvspan(0, measured.settings.burn_in, color=colour_of("faint"), alpha=0.6, linewidth=0)
    axes.axhline(estimate.loss, color=colour_of("ink"), linewidth=1, linestyle=":")
    axes.set(xlabel="step of the sampler", ylabel="train loss (nats)", xlim=(0, len(estimate.trace[0]) - 1))
    axes.set_title(f"chains of epoch {epoch}; shaded: burn-in, dotted: L(w*)", fontsize=10)

"""Losses of single pairs over training, and since when each pair is right."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.plots.logits.correct import on_pairs
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.margins import learnt_since

LOWEST = 1e-12


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Quantiles over epochs, and a map over the operands."""
    fan, square = canvas.panels(1, 2, width_ratios=(1.35, 1))[0]
    found = [_fan(canvas, fan, scene, part) for part in scene.parts]
    ax.logarithmic(fan, found)
    fan.set_ylabel("loss of a pair (nats)")
    ax.epochs(fan, scene)
    ax.phases(fan, scene, None)
    ax.legend(fan)
    since = learnt_since(scene.over["hits"])
    epochs = np.append(np.array(scene.over.epochs, dtype=float), np.nan)
    learnt = epochs[since]
    ax.heat(canvas, square, on_pairs(scene, learnt, scene.rows).T, "right from epoch")
    square.set_facecolor(canvas.colour["other_frequency"])  # white is: right from the start
    square.set(xlabel=scene.index_label("a"), ylabel=scene.index_label("b"), aspect="equal")
    never = int(np.isnan(learnt).sum())
    half = np.median(np.where(np.isnan(learnt), np.inf, learnt))
    when = f"Half of all pairs are right from epoch {half:,.0f} on; " if np.isfinite(half) else ""
    return f"{when}{never:,} of {len(learnt):,} pairs are wrong at the end (grey)."


def _fan(canvas: FigureCanvas, axes: Any, scene: Scene, part: str) -> np.ndarray:
    quantiles = np.maximum(scene.over[f"loss_quantiles_{part}"], LOWEST)
    colour = canvas.colour["test" if part == "all" else part]
    for low, high, alpha in ((0, 4, 0.22), (1, 3, 0.38)):
        axes.fill_between(
            scene.over.epochs, quantiles[:, low], quantiles[:, high], color=colour, alpha=alpha, linewidth=0
        )
    axes.plot(
        scene.over.epochs,
        quantiles[:, 2],
        color=colour,
        linewidth=1.6,
        label="all pairs" if part == "all" else f"{part} pairs",
    )
    return quantiles


FIGURE = FigureSpec(
    "pair_losses",
    "logits",
    "The loss of single pairs",
    "Left, median (line) and the middle 50 % and 90 % of pairs (bands); right, the kept epoch from which "
    "a pair is answered right to the end (grey: never). Speckle is memory; what the circuit learns comes "
    "all over at once.",
    draw,
    3.5,
    needs=frozenset({"pairs", "progress"}),
    waves=False,
)

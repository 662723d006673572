"""The logit of the right answer, over all pairs."""

from typing import Any

import numpy as np
import torch
from matplotlib.colors import Normalize

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec


def correct_logits(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Logit of the right answer less the mean over answers, float64, and its row, of every pair."""
    task = scene.run.pair_task
    logits = scene.seen.outputs.logits[torch.from_numpy(scene.rows)][:, : task.p].double()
    right = logits.gather(1, torch.from_numpy(task.answers[scene.rows])[:, None])[:, 0]
    return (right - logits.mean(dim=1)).cpu().numpy(), scene.rows


def on_pairs(scene: Scene, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values of pairs as a square over the operands: in group order, else over residues; NaN if absent."""
    task = scene.run.pair_task
    of_row = np.full(len(task.tokens), np.nan)
    of_row[rows] = values
    if scene.group is not None:
        return of_row[scene.grid.rows].reshape(scene.n, scene.n)
    square = np.full((task.p, task.p), np.nan)
    a, b = task.operands[scene.rows].T
    square[a, b] = of_row[scene.rows]
    return square


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """A map over the operands, and a histogram by part."""
    values, rows = correct_logits(scene)
    square, panel = canvas.panels(1, 2, width_ratios=(1, 1.1))[0]
    low, high = float(values.min()), float(values.max())
    if low < 0 < high and -low > 0.05 * high:
        scale: dict[str, Any] = {"centred": True, "limit": max(abs(low), abs(high))}
    else:  # a circuit's differ little: the colours span what there is
        scale = {"norm": Normalize(low, high if high > low else low + 1)}
    ax.heat(canvas, square, on_pairs(scene, values, rows).T, "correct logit (nats)", **scale)
    square.set(xlabel=scene.index_label("a"), ylabel=scene.index_label("b"), aspect="equal")
    bins = np.linspace(low, high if high > low else low + 1, 41)
    for part, members in scene.parts.items():
        meaning = "test" if part == "all" else part
        panel.hist(
            values[np.isin(rows, members)],
            bins,
            density=True,
            histtype="step",
            linewidth=1.6,
            color=canvas.colour[meaning],
            label="all pairs" if part == "all" else f"{part} pairs",
        )
    panel.set(xlabel="correct logit (nats)", ylabel="density")
    ax.headroom(panel, below=False)
    ax.legend(panel)
    return (
        f"Over all pairs: mean {values.mean():.3g}, standard deviation {values.std():.3g}, smallest "
        f"{low:.3g} nats."
    )


FIGURE = FigureSpec(
    "correct_logit",
    "logits",
    "The correct logit over all pairs",
    "The logit of the right answer, less the mean over all answers. A circuit answers all pairs alike; "
    "memory knows some and not others, and its train and test pairs part.",
    draw,
    3.7,
    at_epoch=True,
    waves=False,
)

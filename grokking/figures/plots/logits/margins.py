"""By how much answers are right."""

import numpy as np
import torch

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.margins import margins


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Histograms by part."""
    panel, task, words = canvas.panel(), scene.run.pair_task, []
    found = {
        part: margins(scene.seen.outputs.logits[torch.from_numpy(rows)], task.answers[rows], task.p)
        for part, rows in scene.parts.items()
    }
    every = np.concatenate(list(found.values()))
    bins = np.linspace(min(0.0, every.min()), max(every.max(), every.min() + 1e-6, 1e-6), 61)
    for part, values in found.items():
        meaning = "test" if part == "all" else part
        panel.hist(
            values, bins, density=True, histtype="stepfilled", alpha=0.35, color=canvas.colour[meaning]
        )
        panel.hist(
            values,
            bins,
            density=True,
            histtype="step",
            linewidth=1.6,
            color=canvas.colour[meaning],
            label="all pairs" if part == "all" else f"{part} pairs",
        )
        words.append(
            f"{part}: median {np.median(values):.3g}, smallest {values.min():.3g}, "
            f"{(values > 0).mean():.1%} right"
        )
    panel.axvline(0, color=canvas.colour["ink"], linewidth=1)
    panel.set(xlabel="margin: right logit less the best wrong one (nats)", ylabel="density")
    ax.headroom(panel, below=False)
    ax.legend(panel)
    return "; ".join(words) + "."


FIGURE = FigureSpec(
    "margins",
    "logits",
    "Margins",
    "Right of the line at 0 the answer is right; the further, the surer. Train and test pairs lie "
    "together when one circuit answers both.",
    draw,
    3.2,
    at_epoch=True,
    waves=False,
)

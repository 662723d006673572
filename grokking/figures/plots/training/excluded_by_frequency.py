"""Excluded loss, one key frequency at a time (Nanda et al. 2023, figure 15)."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """A curve for each key frequency, and one for all at once."""
    panel, x = canvas.panel(), scene.progress_epochs
    values = scene.progress("excluded_loss_by_frequency")
    for k, style in ax.frequency_styles(scene.keys).items():
        one = values[:, scene.keys.index(k)]
        panel.plot(x, np.maximum(one, ax.SMALLEST), label=f"without k = {k}", linewidth=1.6, **style)
    together = scene.progress("excluded_loss")
    panel.plot(
        x,
        np.maximum(together, ax.SMALLEST),
        color=canvas.colour["other_frequency"],
        linewidth=2.4,
        label="without all of them",
        zorder=1,
    )
    ax.logarithmic(panel, [values, together])
    panel.set_ylabel("loss on train pairs (nats)")
    ax.epochs(panel, scene)
    ax.phases(panel, scene)
    ax.legend_below(panel, 3)
    last = dict(zip(scene.keys, values[-1], strict=True))
    worst = max(last, key=lambda k: last[k])
    return (
        f"At the last kept epoch the train pairs miss k = {worst} most: {last[worst]:.2g} nats without "
        f"it, {together[-1]:.2g} without all {len(scene.keys)}."
    )


FIGURE = FigureSpec(
    "excluded_by_frequency",
    "training",
    "Excluded loss by frequency",
    "The train loss of the network with one key frequency taken out of its logits: each curve rises when "
    "the answers begin to rest on that frequency.",
    draw,
    4.2,
    needs=frozenset({"progress"}),
    keys=True,
    split=True,
)

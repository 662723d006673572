"""Every neuron's share of variance at every frequency."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.neurons import OWNED_SHARE, VarianceShares


def sorted_neurons(shares: VarianceShares) -> np.ndarray:
    """Neurons by their frequency, the clearest first; those that no frequency owns last, int64 [m]."""
    owner = np.where(shares.owner > 0, shares.owner, len(shares.by_frequency) + 1)
    return np.lexsort((-shares.fve, shares.frequency, owner))


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Frequency by neuron."""
    shares, panel = scene.shares, canvas.panel()
    values = shares.by_frequency[:, sorted_neurons(shares)]
    ax.heat(
        canvas,
        panel,
        values,
        "share of variance",
        limit=1.0,
        extent=(0, values.shape[1], 0.5, len(values) + 0.5),
    )
    panel.set(xlabel="neurons, sorted by their frequency", ylabel="frequency k")
    ax.mark_keys(panel, scene.keys)
    owned = int((shares.owner > 0).sum())
    panel.axvline(owned, color=canvas.colour["null"], linewidth=1, linestyle=(0, (1, 2)))
    return (
        f"{owned} of {values.shape[1]} neurons ({owned / values.shape[1]:.1%}) belong to one "
        f"frequency, with more "
        f"than {OWNED_SHARE:.0%} of their variance (left of the dotted line)."
    )


FIGURE = FigureSpec(
    "neuron_frequencies",
    "neurons",
    "Which frequency explains which neuron",
    "A column is a neuron, a row a frequency; dark is a large share of the neuron's variance over all "
    "pairs. After grokking each column has one dark cell, and few rows have any.",
    draw,
    3.8,
    at_epoch=True,
)

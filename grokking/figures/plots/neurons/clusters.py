"""Neurons in clusters by frequency."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.neurons import KEY_SHARE, OWNED_SHARE

MOST = 12
SPREAD = 0.38


def clusters(scene: Scene) -> dict[int, np.ndarray]:
    """Neurons by the frequency that explains them best, largest clusters first; 0 is all others."""
    frequency = scene.shares.frequency
    found, counts = np.unique(frequency[frequency > 0], return_counts=True)
    largest = [int(k) for k in found[np.argsort(-counts, kind="stable")]]
    chosen = [k for k in largest if k in scene.keys] + [k for k in largest if k not in scene.keys]
    groups = {k: np.flatnonzero(frequency == k) for k in chosen[:MOST]}
    rest = np.flatnonzero(~np.isin(frequency, list(groups)))
    return groups | ({0: rest} if len(rest) else {})


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """A strip of dots per cluster."""
    panel, groups = canvas.panel(), clusters(scene)
    styles = ax.frequency_styles(scene.keys)
    for place, (k, neurons) in enumerate(groups.items()):
        values = np.sort(scene.shares.fve[neurons])
        x = place + SPREAD * np.linspace(-1, 1, len(values)) * (len(values) > 1)
        colour = styles[k]["color"] if k in styles else canvas.colour["other_frequency"]
        panel.scatter(x, values, s=8, color=colour, linewidths=0, rasterized=True)
        owned = int((scene.shares.owner[neurons] > 0).sum())
        panel.annotate(
            f"{owned}/{len(neurons)}", (place, 1.03), ha="center", fontsize=9, color=canvas.colour["muted"]
        )
    panel.axhline(OWNED_SHARE, color=canvas.colour["null"], linewidth=1, linestyle=(0, (4, 3)))
    panel.set(
        ylim=(0, 1.1),
        xlim=(-0.6, len(groups) - 0.4),
        ylabel="share of variance (fve)",
        xticks=range(len(groups)),
        xticklabels=[f"{k}" if k else "others" for k in groups],
        xlabel="frequency k that explains the neuron best",
    )
    panel.grid(axis="y", linewidth=0.8)
    ax.percent(panel.yaxis)
    if not scene.keys:
        return f"No frequency owns {KEY_SHARE:.0%} of all neurons: there is no key frequency."
    owners = np.bincount(scene.shares.owner, minlength=max(scene.keys) + 1)
    return "Neurons owned: " + ", ".join(f"{owners[k]} by k = {k}" for k in scene.keys) + "."


FIGURE = FigureSpec(
    "neuron_clusters",
    "neurons",
    "Clusters of neurons",
    "A dot is a neuron, in the column of the frequency that explains it best, sorted by the share "
    "explained; above each column, how many pass the dashed line at 85 % and so belong to that frequency.",
    draw,
    3.6,
    at_epoch=True,
)

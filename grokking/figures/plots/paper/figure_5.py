"""Figure 5: neurons of a single frequency, and what one cluster of them reads out."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.plots.paper import stated
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.neurons import OWNED_SHARE
from grokking.metrics.readout import readout_energy


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """A histogram of fve; the readout of the smallest cluster by frequency."""
    left, right = canvas.panels(1, 2)[0]
    fve, owner = scene.shares.fve, scene.shares.owner
    left.hist(fve, np.linspace(0, 1, 41), color=canvas.colour["mean"])
    left.axvline(OWNED_SHARE, color=canvas.colour["null"], linestyle=(0, (4, 3)), linewidth=1)
    left.set(xlabel="share of variance explained by one frequency", ylabel="neurons", xlim=(0, 1))
    left.grid(axis="y", linewidth=0.8)
    ax.headroom(left, below=False)
    sizes = {k: int((owner == k).sum()) for k in scene.keys}
    sizes = {k: size for k, size in sizes.items() if size}
    if not sizes:
        right.set_axis_off()
        return f"At epoch {scene.epoch:,} no key frequency owns a neuron."
    k = min(sizes, key=lambda key: (sizes[key], key))
    energy = readout_energy(scene.readout)[:, owner == k]
    ax.heat(canvas, right, np.sqrt(energy), "norm", extent=(0, sizes[k], 0.5, len(energy) + 0.5))
    right.set(xlabel=f"neurons of k = {k}", ylabel="frequency of the class")
    owned, m = int((owner > 0).sum()), len(owner)
    return (
        stated.beside(
            f"{owned} of {m} neurons ({owned / m:.1%}) have more than {OWNED_SHARE:.0%} of "
            f"their variance "
            "explained by one frequency",
            f"{stated.OWNED_NEURONS} of {stated.ALL_NEURONS} "
            f"({stated.OWNED_NEURONS / stated.ALL_NEURONS:.1%}; section 4.3)",
        )
        + f". The cluster on the right is the smallest, {sizes[k]} neurons of k = {k}; the paper shows "
        f"{stated.SMALLEST_CLUSTER} of k = 14."
    )


FIGURE = FigureSpec(
    "paper_figure_5",
    "paper",
    "Figure 5: neurons of a single frequency",
    "Left, how much of each neuron one frequency explains (dashed: 85 %). Right, what the neurons of one "
    "cluster add to the logits, as waves over the classes: a single dark row, their own frequency.",
    draw,
    3.3,
    at_epoch=True,
    keys=True,
)

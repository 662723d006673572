"""How sinusoidal the neurons are, over training."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import R2_BINS
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """A histogram per epoch, with mean and null."""
    panel, counts = canvas.panel(), scene.over["r2_counts"]
    ax.over_epochs(canvas, panel, scene.over.epochs, counts, R2_BINS, "neurons")
    strength = scene.logged("fourier_strength", "sine")
    null = scene.logged("fourier_strength_null", "null")
    halo = {"color": canvas.colour["background"], "linewidth": 4}
    panel.plot(strength.x, strength.y, **halo)
    panel.plot(strength.x, strength.y, color=canvas.colour["sine"], label="mean (Fourier strength)")
    panel.plot(
        null.x, null.y, color=canvas.colour["key_frequency"], linestyle=(0, (4, 3)), label="95 % of shuffles"
    )
    panel.set(ylabel="R² of a neuron's best sine", ylim=(0, 1))
    ax.epochs(panel, scene)
    ax.legend(panel, loc="lower right")
    dead = int(counts.shape[1] and scene.run.shape.d_mlp - counts[-1].sum())
    last = strength.y[np.isfinite(strength.y)][-1:]
    if not len(last):
        return "All neurons are dead."
    return f"Fourier strength at the end: {last[0]:.2f} (null {null.y[-1]:.2f}); {dead} neurons are dead."


FIGURE = FigureSpec(
    "r2_over_training",
    "neurons",
    "How sinusoidal the neurons are",
    "A column is the histogram, over the live neurons of one epoch, of how well one sine of the answer "
    "describes the neuron's mean activation; the mass moves to 1 as the network groks.",
    draw,
    3.6,
    needs=frozenset({"neurons"}),
)

"""The logits as waves in a and b."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.spectra2d import energy_by_frequencies, logit_spectrum


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """A map of norms, and their diagonal."""
    norms = logit_spectrum(scene.seen.logit_grid(scene.grid))
    energy = energy_by_frequencies(norms)
    total = max(energy.sum() - energy[0, 0], np.finfo(float).tiny)
    square, bars = canvas.panels(1, 2, width_ratios=(1, 1.15))[0]
    ax.heat(canvas, square, np.sqrt(energy).T, "norm over classes", gamma=0.6)
    square.set(xlabel="frequency in a", ylabel="frequency in b", aspect="equal")
    diagonal = np.diagonal(energy)[1:] / total
    ax.frequency_bars(bars, diagonal, scene.keys, label=False)
    bars.set(xlabel="frequency k, in a and in b", ylabel="share of the logits")
    ax.percent(bars.yaxis)
    at_keys = sum(diagonal[k - 1] for k in scene.keys)
    where = f", {at_keys:.1%} of it at the key frequencies" if scene.keys else ""
    return f"{diagonal.sum():.1%} of the energy, constant left out, lies on the diagonal{where}."


FIGURE = FigureSpec(
    "logit_spectrum",
    "logits",
    "The 2-D spectrum of the logits",
    "Left, the size of the logits' waves by their frequency in a and in b (0: constant), over all "
    "classes; right, the diagonal. Functions of a + b or a − b lie on the diagonal, so a network that has "
    "grokked shows points at (k, k).",
    draw,
    3.7,
    at_epoch=True,
)

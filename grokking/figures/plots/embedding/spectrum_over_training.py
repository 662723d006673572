"""The spectrum of the embedding over training."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Shares by frequency and epoch."""
    panel, logged = canvas.panel(), scene.logged("dominant_frequency", "mean")
    share = np.array(scene.run.history["frequency_share" + scene.suffix], dtype=float)
    ax.over_epochs(
        canvas, panel, list(logged.x), share, np.arange(share.shape[1] + 1) + 0.5, "share of W$_E$"
    )
    panel.set_ylabel("frequency k")
    ax.epochs(panel, scene)
    ax.mark_keys(panel, scene.keys)
    steady = int(np.flatnonzero(logged.y != logged.y[-1])[-1] + 1) if (logged.y != logged.y[-1]).any() else 0
    return f"The dominant frequency is k = {logged.y[-1]:.0f} from epoch {logged.x[steady]:,} on. " + (
        f"Triangles: key frequencies {ax.listed(sorted(scene.keys))}."
        if scene.keys
        else "There is no key frequency."
    )


FIGURE = FigureSpec(
    "embedding_over_training",
    "embedding",
    "The embedding's spectrum over training",
    "A column is the spectrum of one epoch, darker for more; grokking empties all rows but a few. The "
    "scale is a square root, so that small shares show.",
    draw,
    3.6,
)

"""The spectrum of the embedding over training."""

import numpy as np

from grokking.drawing.panels import Curve
from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Shares by frequency and epoch."""
    panel, logged = canvas.panel(), scene.logged("dominant_frequency", "mean")
    logged_share = scene.run.history["frequency_share" + scene.suffix]
    unknown = [np.nan] * (scene.grid.n // 2)
    share = np.array([unknown if row is None else row for row in logged_share], dtype=float)
    ax.over_epochs(
        canvas, panel, list(logged.x), share, np.arange(share.shape[1] + 1) + 0.5, "share of W$_E$"
    )
    panel.set_ylabel("frequency k")
    ax.epochs(panel, scene)
    ax.mark_keys(panel, scene.keys)
    return _dominant(logged) + (
        f"Triangles: key frequencies {ax.listed(sorted(scene.keys))}."
        if scene.keys
        else "There is no key frequency."
    )


def _dominant(logged: Curve) -> str:
    """Since when the dominant frequency of the last row that knows it is what it is."""
    known = np.isfinite(logged.y)
    if not known.any():
        return "The dominant frequency was not logged. "
    x, y = logged.x[known], logged.y[known]
    others = np.flatnonzero(y != y[-1])
    steady = int(others[-1] + 1) if len(others) else 0
    return f"The dominant frequency is k = {y[-1]:.0f} from epoch {x[steady]:,} on. "


FIGURE = FigureSpec(
    "embedding_over_training",
    "embedding",
    "The embedding's spectrum over training",
    "A column is the spectrum of one epoch, darker for more; grokking empties all rows but a few. The "
    "scale is a square root, so that small shares show.",
    draw,
    3.6,
)

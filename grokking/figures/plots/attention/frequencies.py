"""The one frequency that each head carries."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.attention import pattern_shares, value_shares


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Two maps, head by frequency: of the pattern, and of what is written."""
    pattern = pattern_shares(scene.attention).by_frequency
    values = value_shares(scene.seen, scene.operation.name)
    panels = canvas.panels(2, 1, sharex=True)[:, 0]
    _map(canvas, panels[0], scene, pattern, "attention to a")
    _map(canvas, panels[1], scene, values, "what is written (W$_E$W$_V$W$_O$)")
    panels[1].set_xlabel("frequency k")
    return (
        "Attention to a: "
        + "; ".join(
            f"head {h}, k = {pattern[:, h].argmax() + 1} ({pattern[:, h].max():.0%})"
            for h in range(min(8, pattern.shape[1]))
        )
        + "."
    )


def _map(canvas: FigureCanvas, panel: Any, scene: Scene, shares: np.ndarray, title: str) -> None:
    n_heads = shares.shape[1]
    edges = (0.5, len(shares) + 0.5, -0.5, n_heads - 0.5)
    ax.heat(canvas, panel, shares.T, "share", limit=1.0, extent=edges)
    panel.set_title(title, loc="left", fontsize=10.5, pad=13)
    best = shares.argmax(axis=0)
    names = [f"head {h}: k = {k + 1}, {100 * shares[k, h]:.0f} %" for h, k in enumerate(best)]
    panel.set(yticks=range(n_heads), yticklabels=names, ylim=(n_heads - 0.5, -0.5))
    panel.tick_params(axis="y", labelsize=9)
    for k in scene.keys:
        panel.annotate(
            "▾",
            (k, 1),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=9,
            color=canvas.colour["key_frequency"],
        )


FIGURE = FigureSpec(
    "head_frequencies",
    "attention",
    "The frequency of each head",
    "Above, the share of the variance of a head's attention to a that lies in waves of one frequency in a "
    "and b; below, the spectrum of what the head would write for each number. Triangles: key frequencies.",
    draw,
    3.8,
    at_epoch=True,
)

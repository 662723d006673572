"""Norms of the weight matrices."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec

COLOURS = ("mean", "test", "samples", "key_frequency", "sine", "train", "null")


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Two panels: all parameters together, and each of them."""
    whole, each = canvas.panels(1, 2, width_ratios=(1, 1.5))[0]
    x, total = scene.progress_epochs, scene.progress("weight_norm")
    whole.plot(x, total, color=canvas.colour["ink"])
    whole.set(ylabel="L2 norm", title="all parameters", ylim=(0, 1.05 * np.nanmax(total)))
    names = [name for name in scene.run.shape.parameter_shapes() if not name.startswith("ln")]
    for i, name in enumerate(names):
        values = scene.progress(f"norm_{name}")
        style = {"color": canvas.colour[COLOURS[i % len(COLOURS)]], "linestyle": ax.DASHES[i // len(COLOURS)]}
        each.plot(x, values, label=name, linewidth=1.5, **style)
    each.set(title="each of them", ylim=(0, None))
    ax.headroom(each, below=False)
    ax.legend_below(each, 4, fontsize=9)
    for panel in (whole, each):
        panel.grid(axis="y", linewidth=0.8)
        ax.epochs(panel, scene)
        ax.phases(panel, scene, None)
    return (
        f"All parameters together: {total[0]:.3g} at epoch {x[0]:,}, at most {np.nanmax(total):.3g}, "
        f"{total[-1]:.3g} at epoch {x[-1]:,}."
    )


FIGURE = FigureSpec(
    "norms",
    "training",
    "Norms of the weights",
    "Weight decay pulls on every matrix; what the solution needs holds its norm, what memory needed is "
    "let go during cleanup. Bands are the phases.",
    draw,
    4.1,
    needs=frozenset({"progress"}),
    waves=False,
)

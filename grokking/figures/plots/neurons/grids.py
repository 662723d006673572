"""The clearest neuron of each key frequency, over all pairs and as a 2-D spectrum."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.spectra2d import energy_by_frequencies, spectrum_2d

MOST = 5


def clearest(scene: Scene, k: int) -> int | None:
    """The neuron with the largest share of variance at k among those that k explains best."""
    mine = scene.shares.frequency == k
    return int(np.where(mine, scene.shares.by_frequency[k - 1], -1.0).argmax()) if mine.any() else None


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """A column per frequency: activations above, spectrum below."""
    found = [(k, j) for k in scene.keys if (j := clearest(scene, k)) is not None][:MOST]
    if not found:
        canvas.note(f"at epoch {scene.epoch:,} no neuron is explained best by a key frequency")
        return "No neuron to show."
    columns = max(3, len(found))
    grid = canvas.panels(2, columns)
    for column, (k, j) in enumerate(found):
        _column(canvas, grid[:, column], scene, k, j)
    for panels in grid[:, len(found) :].T:
        for panel in panels:
            panel.set_axis_off()
    grid[0, 0].set_ylabel(scene.index_label("b"))
    grid[1, 0].set_ylabel("frequency in b")
    best = (f"k = {k}, neuron {j}: {scene.shares.by_frequency[k - 1, j]:.1%}" for k, j in found)
    return f"Share of the neuron's variance at its frequency: {'; '.join(best)}."


def _column(canvas: FigureCanvas, panels: Any, scene: Scene, k: int, j: int) -> None:
    grid = scene.seen.neuron_grid(scene.grid)[:, :, j]
    above, below = panels
    ax.heat(canvas, above, grid.cpu().numpy().T, "", bar=False)
    norms = np.sqrt(energy_by_frequencies(spectrum_2d(grid - grid.mean())))
    ax.heat(canvas, below, norms.T, "", bar=False, gamma=0.6)
    above.set_title(f"neuron {j}", fontsize=10)
    below.set_title(f"k = {k}, fve {scene.shares.by_frequency[k - 1, j]:.2f}", fontsize=10)
    above.set_xlabel(scene.index_label("a"))
    below.set_xlabel("frequency in a")
    for panel in panels:
        panel.set_aspect("equal")
        panel.tick_params(labelsize=8.5)
        ax.whole_ticks(panel, 3)


FIGURE = FigureSpec(
    "neuron_grids",
    "neurons",
    "The clearest neuron of each key frequency",
    "Above, a neuron's activation on every pair, darker for more, each on its own scale; below, the size "
    "of its waves by their frequency in a and in b (0: constant). A neuron of the circuit has a spot at "
    "(k, k) and its two feet on the axes.",
    draw,
    4.5,
    at_epoch=True,
    keys=True,
)

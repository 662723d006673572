"""Figure 3: Fourier components of W_E and of W_L."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.plots.paper import stated
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.embedding import frequency_energy
from grokking.metrics.readout import effective_rank, readout_energy


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Norms by frequency, side by side."""
    panels = canvas.panels(1, 2)[0]
    embedding = np.sqrt(frequency_energy(scene.embedding))
    readout = np.sqrt(readout_energy(scene.readout).sum(axis=1))
    for panel, norms, name in zip(panels, (embedding, readout), ("W$_E$", "W$_L$"), strict=True):
        ax.frequency_bars(panel, norms, scene.keys)
        panel.set(ylabel=f"norm in {name}")
    theirs = stated.beside(
        f"Key frequencies: {ax.listed(sorted(scene.keys))}", ax.listed(stated.KEY_FREQUENCIES)
    )
    return (
        f"{theirs} for its main run, with {stated.EMBEDDING_FREQUENCIES} frequencies in W_E (section "
        "4.1). "
        + stated.beside(
            f"Effective rank of W_L {effective_rank(scene.readout):.1f}",
            f"a rank of about {stated.READOUT_RANK} (section 4.2)",
        )
        + "."
    )


FIGURE = FigureSpec(
    "paper_figure_3",
    "paper",
    "Figure 3: Fourier components of W_E and W_L",
    "The norm of each frequency's components, of the embedding over its tokens (left) and of the "
    "neuron–logit map over the classes (right). Few frequencies, and the same ones at both ends, are the "
    "sign of the circuit.",
    draw,
    3.3,
    at_epoch=True,
)

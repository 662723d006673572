"""How few frequencies carry the weights: Gini coefficients over training."""

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Gini of W_E with its null, and of W_L."""
    panel = canvas.panel()
    value, null = scene.logged("gini", "mean"), scene.logged("gini_null", "null")
    readout = scene.over["readout_gini"]
    panel.plot(value.x, value.y, color=canvas.colour["mean"], label="embedding W$_E$")
    panel.plot(
        scene.over.epochs,
        readout,
        color=canvas.colour["test"],
        linestyle=(0, (5, 1.5)),
        label="neuron–logit map W$_L$",
    )
    panel.plot(
        null.x, null.y, color=canvas.colour["null"], linestyle=(0, (1, 1.5)), label="W$_E$, 95 % of shuffles"
    )
    panel.set(ylabel="Gini coefficient", ylim=(0, 1))
    panel.grid(axis="y", linewidth=0.8)
    ax.epochs(panel, scene)
    ax.phases(panel, scene)
    ax.legend(panel)
    return f"At the end: W_E {value.y[-1]:.2f} (null {null.y[-1]:.2f}), W_L {readout[-1]:.2f}."


FIGURE = FigureSpec(
    "sparsity",
    "embedding",
    "Sparsity of the spectra over training",
    "The Gini coefficient of the norms by frequency: 0 if all are alike, near 1 if few carry everything. "
    "The null is what shuffled tokens give.",
    draw,
    3.4,
    needs=frozenset({"weights", "progress"}),
)

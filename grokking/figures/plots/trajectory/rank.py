"""Effective rank over training."""

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.groups.fourier import fourier_basis


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Of W_L and W_E, with what the key frequencies need."""
    panel, basis = canvas.panel(), fourier_basis(scene.n)
    rank, embedding = scene.over["readout_rank"], scene.over["embedding_rank"]
    needed = sum(1 + (k in basis.paired_frequencies) for k in scene.keys)
    panel.plot(scene.over.epochs, rank, color=canvas.colour["test"], label="neuron–logit map W$_L$")
    panel.plot(
        scene.over.epochs,
        embedding,
        color=canvas.colour["mean"],
        linestyle=(0, (5, 1.5)),
        label="embedding W$_E$",
    )
    panel.set(ylabel="effective rank", ylim=(0, 1.08 * max(needed, rank.max(), embedding.max())))
    if needed:
        ax.guide(panel, needed, f"rows of the key frequencies: {needed}", below=True)
    panel.grid(axis="y", linewidth=0.8)
    ax.epochs(panel, scene)
    ax.phases(panel, scene)
    ax.legend(panel)
    return (
        f"W_L falls from {rank[0]:.1f} to {rank[-1]:.1f}, W_E from {embedding[0]:.1f} to {embedding[-1]:.1f}."
        if rank[-1] < rank[0]
        else f"W_L at the end: {rank[-1]:.1f}; W_E: {embedding[-1]:.1f}."
    )


FIGURE = FigureSpec(
    "effective_rank",
    "trajectory",
    "Effective rank over training",
    "exp of the entropy of the normalised singular values (Roy and Vetterli 2007). A cosine and a sine "
    "for each key frequency are all that the circuit needs of W_L.",
    draw,
    3.4,
    needs=frozenset({"weights", "progress"}),
)

"""All weights over training, in their first principal components."""

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import weight_components
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec

N_COMPONENTS = 3
ORDINALS = ("first", "second", "third")
MEANINGS = ("mean", "test", "samples")


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """The path in two components, and three of them over epochs."""
    path, over = canvas.panels(1, 2, width_ratios=(1, 1.3))[0]
    epochs, scores, shares = weight_components(scene, N_COMPONENTS)
    if scores.shape[1] < 2:
        canvas.figure.clear()
        canvas.note("one kept epoch has no path")
        return "Only one epoch was kept."
    path.plot(*scores[:, :2].T, color=canvas.colour["other_frequency"], linewidth=1)
    dots = path.scatter(
        *scores[:, :2].T,
        c=epochs,
        cmap=ax.sequential(),
        s=16,
        linewidths=0.3,
        edgecolors=canvas.colour["muted"],
        zorder=2,
    )
    ax.colour_bar(canvas, dots, path, "epoch", location="top", aspect=30)
    path.set(xlabel=f"component 1 ({100 * shares[0]:.0f} %)", ylabel=f"component 2 ({100 * shares[1]:.0f} %)")
    path.margins(0.06)
    for i in range(scores.shape[1]):
        label = f"{ORDINALS[i]} ({100 * shares[i]:.0f} %)"
        over.plot(epochs, scores[:, i], color=canvas.colour[MEANINGS[i]], label=label)
    over.set_ylabel("score (units of the weights)")
    over.grid(axis="y", linewidth=0.8)
    ax.headroom(over)
    ax.epochs(over, scene)
    ax.phases(over, scene, None)
    ax.legend_below(over, 3, fontsize=9)
    return f"{len(epochs)} kept epochs; the first two components hold {shares[:2].sum():.1%} of the variance."


FIGURE = FigureSpec(
    "weight_trajectory",
    "trajectory",
    "The way of the weights",
    "Left, all weights of each kept epoch as one point, darker for later; right, the same over epochs. "
    "Components are of the weights centred over the kept epochs, which lie denser where accuracy moves.",
    draw,
    4.1,
    needs=frozenset({"progress"}),
    waves=False,
)

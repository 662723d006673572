"""The spectrum of the embedding."""

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.groups.cyclic import additive_group
from grokking.metrics.embedding import frequency_share, gini


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Shares by frequency in group order; in the order of the residues too, where that differs."""
    share = frequency_share(scene.embedding)
    differs = scene.grid.group.name != "additive"
    panels = canvas.panels(1 + differs, 1)[:, 0]
    ax.frequency_bars(panels[0], share, scene.keys, label=not differs)
    panels[0].set_ylabel("share of W$_E$")
    ax.percent(panels[0].yaxis)
    words = (
        f"Gini coefficient {gini(scene.embedding):.2f}; the largest share, {share.max():.0%}, lies at "
        f"k = {share.argmax() + 1}."
    )
    if not differs:
        return words
    plain = scene.seen.embedding_in(additive_group(scene.run.pair_task.p), scene.operation.name)
    ax.frequency_bars(panels[1], frequency_share(plain), None)
    panels[0].set_title(f"in group order, {scene.index_label('x')}", loc="left")
    panels[1].set_title("in the order 0, 1, 2 …", loc="left")
    panels[1].set(ylabel="share of W$_E$", ylim=panels[0].get_ylim())
    ax.percent(panels[1].yaxis)
    return f"{words} In the order 0, 1, 2 … the same numbers have a Gini coefficient of {gini(plain):.2f}."


def height(scene: Scene) -> float:
    """Inches for one panel or two."""
    return 3.3 if scene.grid.group.name == "additive" else 4.4


FIGURE = FigureSpec(
    "embedding_spectrum",
    "embedding",
    "The spectrum of the embedding",
    "Each bar is the share of the embedding's energy in waves of one frequency around the group; a "
    "network that has grokked needs few. Key frequencies, those of the neurons, are named and coloured.",
    draw,
    height,
    at_epoch=True,
)

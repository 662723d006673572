"""What each head attends to, over all pairs."""

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec

MOST = 6
POSITIONS = ("a", "b")


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Rows: attention to a and to b; a column per head."""
    pattern = scene.attention.numpy()
    heads = range(min(pattern.shape[2], MOST))
    grid = canvas.panels(2, len(heads), sharex=True, sharey=True)
    for row, position in enumerate(POSITIONS):
        for head in heads:
            panel = grid[row, head]
            image = ax.heat(canvas, panel, pattern[:, :, head, row].T, "", limit=1.0, bar=False)
            panel.set_title(f"head {head} to {position}", fontsize=10)
            panel.set_aspect("equal")
            panel.tick_params(labelsize=8.5)
        grid[row, 0].set_ylabel(scene.index_label("b"))
    for panel in grid[1]:
        panel.set_xlabel(scene.index_label("a"))
    ax.colour_bar(canvas, image, list(grid.flat), "attention", fraction=0.02, aspect=30)
    rest = pattern.shape[2] - len(heads)
    change = pattern[..., 0].std(axis=(0, 1))
    return (
        "Standard deviation over pairs of the attention to a: "
        + ", ".join(f"head {h} {change[h]:.2f}" for h in heads)
        + "."
        + f" {rest} more heads are not shown." * bool(rest)
    )


FIGURE = FigureSpec(
    "attention_patterns",
    "attention",
    "Attention over all pairs",
    "A point is a pair; darker means that the last position looks more at that operand. Stripes are waves "
    "in the numbers: a head that looks by frequency, not by size.",
    draw,
    4.4,
    at_epoch=True,
    waves=False,
)

"""Where attention goes on average."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec

POSITIONS = (("first operand a", "mean"), ("second operand b", "sine"), ("operator", "other_frequency"))


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Stacked bars per head, with the spread over pairs."""
    pattern = scene.attention.double().numpy()
    mean, spread = pattern.mean(axis=(0, 1)), pattern.std(axis=(0, 1))
    panel, heads, left = canvas.panel(), np.arange(pattern.shape[2]), np.zeros(pattern.shape[2])
    for i, (name, meaning) in enumerate(POSITIONS):
        panel.barh(heads, mean[:, i], left=left, height=0.62, color=canvas.colour[meaning], label=name)
        left += mean[:, i]
    # The spread of what goes to a, at its end, is that of the place where the bars meet.
    panel.errorbar(
        mean[:, 0],
        heads,
        xerr=spread[:, 0],
        fmt="none",
        ecolor=canvas.colour["ink"],
        capsize=3,
        elinewidth=1.2,
    )
    panel.set(
        xlim=(0, 1),
        xlabel="average attention of the last position",
        yticks=heads,
        yticklabels=[f"head {h}" for h in heads],
        ylim=(len(heads) - 0.5, -0.5),
    )
    ax.percent(panel.xaxis)
    ax.legend(panel, ncols=3, loc="lower left", bbox_to_anchor=(0, 1.0))
    return (
        "To a, b and the operator: "
        + "; ".join(f"head {h} " + ", ".join(f"{share:.1%}" for share in mean[h]) for h in heads[:8])
        + "."
    )


FIGURE = FigureSpec(
    "attention_average",
    "attention",
    "Average attention",
    "Bars are means over all pairs; the line where the bars of a and b meet shows the standard deviation "
    "over pairs of the attention to a.",
    draw,
    2.9,
    at_epoch=True,
    waves=False,
)

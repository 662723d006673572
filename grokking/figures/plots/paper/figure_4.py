"""Figure 4: periodicity in attention, neurons and logits."""

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.plots.paper import stated
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.attention import pattern_shares
from grokking.metrics.spectra2d import logit_spectrum

LARGE = 0.1
"""A component counts as large from this share of the largest norm on."""


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Head 0, neuron 0, and the norms of the logits' 2-D components."""
    panels = canvas.panels(1, 3)[0]
    head = scene.attention[:, :, 0, 0].numpy()
    neuron = scene.seen.neuron_grid(scene.grid)[:, :, 0].cpu().numpy()
    norms = logit_spectrum(scene.seen.logit_grid(scene.grid))
    norms[0, 0] = 0.0
    titles = ("attention of head 0 to a", "activation of neuron 0", "norms of the logits")
    for panel, values, title in zip(panels, (head, neuron, norms), titles, strict=True):
        image = ax.heat(canvas, panel, values.T, "", bar=False)
        ax.colour_bar(canvas, image, panel, "", location="bottom", aspect=24, pad=0.03)
        panel.set_title(title, fontsize=10.5)
        panel.set_aspect("equal")
    for panel in panels[:2]:
        panel.set(xlabel=scene.index_label("a"), ylabel=scene.index_label("b"))
    panels[2].set(xlabel="component in a", ylabel="component in b")
    heads = pattern_shares(scene.attention).fve
    large = int((norms >= LARGE * norms.max()).sum())
    spans = ((heads.min(), heads.max()), stated.HEAD_SHARES)
    ours, theirs = (f"{low:.1%} to {high:.1%}" for low, high in spans)
    return (
        stated.beside(f"One frequency explains {ours} of the variance of a head's attention to a", theirs)
        + " (table 2, for a fit without products of waves). "
        + stated.beside(
            f"{large} components have a norm above a tenth of the largest",
            f"{stated.LOGIT_COMPONENTS} of significant norm",
        )
        + " (section 4.1)."
    )


FIGURE = FigureSpec(
    "paper_figure_4",
    "paper",
    "Figure 4: periodicity in attention, neurons and logits",
    "Left and middle, stripes and checks: head and neuron see the operands as waves. Right, the logits' "
    "components in the products of basis functions (1, cos 1, sin 1, …) of a and b; each block of two by "
    "two is one frequency.",
    draw,
    3.7,
    at_epoch=True,
)

"""Figure 6: the loss without each frequency in turn."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.plots.paper import stated
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.groups.fourier import fourier_basis
from grokking.metrics.logits import excluded_loss


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Dots over k on a logarithmic axis, with the whole and the restricted loss as lines."""
    panel, logits, found = canvas.panel(), scene.logits, []
    frequencies = list(fourier_basis(scene.n).frequencies)
    for k in frequencies:
        found.append(excluded_loss(logits.logits, logits.s, logits.table, [k]))
    losses = np.array(found, dtype=float)
    whole, kept = logits.full_losses()["group_loss"], logits.restricted_losses(scene.keys)["restricted_loss"]
    lines = {"none left out": (whole, "ink"), "all but the key frequencies left out": (kept, "samples")}
    floor = 10.0 ** np.floor(np.log10(max(min(losses.min(), whole or 1, kept or 1), ax.SMALLEST)))
    colours = [canvas.colour["key_frequency" if k in scene.keys else "other_frequency"] for k in frequencies]
    panel.vlines(frequencies, floor, losses, colors=colours, linewidth=2)
    panel.scatter(frequencies, losses, c=colours, s=16, zorder=3)
    for label, (value, meaning) in lines.items():
        panel.axhline(
            max(value or 0, ax.SMALLEST),
            color=canvas.colour[meaning],
            linewidth=1.3,
            linestyle=(0, (4, 2)),
            label=label,
        )
    ax.logarithmic(panel, [losses, np.array([whole, kept], dtype=float)])
    panel.set(xlabel="frequency left out", ylabel="loss over all pairs (nats)", xlim=(0, frequencies[-1] + 1))
    for k, words in ax.named(scene.keys, losses):
        panel.annotate(
            words,
            (k, losses[k - 1]),
            (0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color=canvas.colour["key_frequency"],
            fontweight="bold",
        )
    panel.margins(y=0.1)
    ax.legend(panel, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return (
        stated.beside(
            f"Loss {whole:.3g}, with the key frequencies alone {kept:.3g}",
            f"{stated.LOSS:.3g} and {stated.RESTRICTED_LOSS:.3g} (section 4.4)",
        )
        + "."
    )


FIGURE = FigureSpec(
    "paper_figure_6",
    "paper",
    "Figure 6: leaving out one frequency at a time",
    "The height of a dot is the loss after the waves of that frequency were taken out of the logits. Key "
    "frequencies stand out; without any other one the loss stays where it is.",
    draw,
    3.6,
    at_epoch=True,
    keys=True,
)

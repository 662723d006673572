"""The logit of one class: whole, with the key frequencies alone, and without them."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.logits import project


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Three maps on one scale."""
    n, at = scene.n, scene.n // 2
    whole = scene.seen.logit_grid(scene.grid)[:, :, at].double().cpu().numpy()
    waves = project(scene.logits.table, scene.keys)[:, at][scene.grid.s].reshape(n, n)
    mean = whole.mean()
    panels = canvas.panels(1, 3, sharex=True, sharey=True)[0]
    pictures = {"full": whole - mean, "restricted": waves, "excluded": whole - mean - waves}
    limit = float(np.abs(whole - mean).max()) or 1.0
    for panel, (name, values) in zip(panels, pictures.items(), strict=True):
        image = ax.heat(canvas, panel, values.T, "", centred=True, limit=limit, bar=False)
        panel.set_title(name, fontsize=10.5)
        panel.set(xlabel=scene.index_label("a"), aspect="equal")
    panels[0].set_ylabel(scene.index_label("b"))
    ax.colour_bar(canvas, image, list(panels), "logit, mean removed (nats)", aspect=18, fraction=0.03)
    spread = {name: values.std() for name, values in pictures.items()}
    return (
        f"Class c = {scene.grid.group.members[at]}. Standard deviations over pairs: full "
        f"{spread['full']:.3g}, "
        f"restricted {spread['restricted']:.3g}, excluded {spread['excluded']:.3g} nats."
    )


FIGURE = FigureSpec(
    "logit_parts",
    "logits",
    "Full, restricted and excluded logit of one class",
    "The logit of one answer on every pair. The key frequencies alone give the stripes along which a and "
    "b have that answer; what is left without them should be faint.",
    draw,
    3.5,
    at_epoch=True,
    keys=True,
)

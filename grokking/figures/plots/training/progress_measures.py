"""Restricted and excluded loss."""

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec

CURVES = (
    ("group_loss_train", "train", "train loss", "-"),
    ("group_loss_test", "test", "test loss", "-"),
    ("group_loss", "test", "loss", "-"),
    ("restricted_loss", "samples", "restricted loss (key frequencies alone)", "-"),
    ("excluded_loss", "key_frequency", "excluded loss (without them, on train pairs)", (0, (5, 1.5))),
)


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """The curves over epochs."""
    panel, x, drawn = canvas.panel(), scene.progress_epochs, [np.log([scene.n])]
    for name, meaning, label, style in CURVES:
        values = scene.progress(name)
        if not values.size or (name == "group_loss" and "train" in scene.parts):
            continue
        panel.plot(
            x, np.maximum(values, ax.SMALLEST), color=canvas.colour[meaning], label=label, linestyle=style
        )
        drawn.append(values)
    ax.guide(panel, float(np.log(scene.n)), f"a guess, ln {scene.n}", below=True)
    ax.logarithmic(panel, drawn)
    panel.set_ylabel("loss (nats)")
    ax.epochs(panel, scene)
    ax.phases(panel, scene)
    ax.legend_below(panel, 2)
    return _facts(scene)


def _facts(scene: Scene) -> str:
    restricted, excluded = scene.progress("restricted_loss"), scene.progress("excluded_loss")
    words = f"At the last kept epoch the restricted loss is {restricted[-1]:.2g} nats"
    return words + (f" and the excluded loss {excluded[-1]:.2g} nats." if excluded.size else ".")


FIGURE = FigureSpec(
    "progress_measures",
    "training",
    "Restricted and excluded loss",
    "The restricted loss falls as the waves of the final key frequencies come to suffice; the excluded "
    "loss, what train pairs lose without them, rises as memory gives way to the circuit. Both move before "
    "the test loss.",
    draw,
    4.2,
    needs=frozenset({"progress"}),
    keys=True,
)

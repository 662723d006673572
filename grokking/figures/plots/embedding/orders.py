"""The embedding's spectrum over training in two orders of the numbers."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.token_ordering import ADDITIVE, LOGARITHMIC

TITLES = {ADDITIVE: "as one counts: 0, 1, 2 …", LOGARITHMIC: "by discrete logarithm"}
STYLES: dict[str, tuple[str, Any]] = {ADDITIVE: ("test", (0, (5, 1.5))), LOGARITHMIC: ("mean", "-")}


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Two heat maps on one scale, and the Gini coefficients below."""
    panels = canvas.panels(3, 1, height_ratios=(1, 1, 0.8))[:, 0]
    top = max(float(scene.over[f"{name}_order_share"].max()) for name in TITLES)
    for panel, (name, title) in zip(panels, TITLES.items(), strict=False):
        share = scene.over[f"{name}_order_share"]
        ax.over_epochs(
            canvas,
            panel,
            scene.over.epochs,
            share,
            np.arange(share.shape[1] + 1) + 0.5,
            "share of W$_E$",
            top=top,
        )
        panel.set_ylabel("frequency k")
        panel.set_title(title, loc="left")
        ax.epochs(panel, scene, label=False)
        if scene.grid.group.name == name:
            ax.mark_keys(panel, scene.keys)
    ginis = panels[2]
    for name, (meaning, dashes) in STYLES.items():
        colour = canvas.colour[meaning]
        ginis.plot(
            scene.over.epochs,
            scene.over[f"{name}_order_gini"],
            color=colour,
            linestyle=dashes,
            label=TITLES[name],
        )
        ginis.plot(
            scene.over.epochs,
            scene.over[f"{name}_order_null"],
            color=colour,
            linewidth=0.9,
            linestyle=(0, (1, 1.5)),
            label="its null" if name == LOGARITHMIC else None,
        )
    ginis.set(ylabel="Gini coefficient", ylim=(0, 1))
    ginis.grid(axis="y", linewidth=0.8)
    ax.epochs(ginis, scene)
    ax.legend(ginis)
    return f"Gini coefficient at the end: {_end(scene, ADDITIVE)}, {_end(scene, LOGARITHMIC)}."


def _end(scene: Scene, name: str) -> str:
    value, null = (scene.over[f"{name}_order_{part}"][-1] for part in ("gini", "null"))
    return f"{value:.2f} {TITLES[name].split(':')[0]} (null {null:.2f})"


FIGURE = FigureSpec(
    "orders",
    "embedding",
    "One embedding in two orders of its numbers",
    "A column is the spectrum of one epoch, darker for more, on one scale. What adds residues is sparse as "
    "one counts, what multiplies them is sparse by discrete logarithm and flat as one counts. Dotted: what "
    "shuffled tokens give.",
    draw,
    6.2,
    needs=frozenset({"orders"}),
)

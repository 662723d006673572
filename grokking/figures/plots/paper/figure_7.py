"""Figure 7: the progress measures."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.plots.paper import stated
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec

LOSSES = (
    ("group_loss_train", "train", "train"),
    ("group_loss_test", "test", "test"),
    ("group_loss", "test", "loss"),
)
"""Progress measure, meaning of its colour, label."""


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Excluded loss, restricted loss, Gini coefficients, sum of squared weights."""
    grid = canvas.panels(2, 2, sharex=True)
    x = scene.progress_epochs
    _losses(canvas, grid[0, 0], scene, "excluded_loss", "excluded", "key_frequency")
    _losses(canvas, grid[0, 1], scene, "restricted_loss", "restricted", "samples")
    grid[1, 0].plot(x, scene.progress("gini"), color=canvas.colour["mean"], label="W$_E$")
    grid[1, 0].plot(
        scene.over.epochs,
        scene.over["readout_gini"],
        color=canvas.colour["test"],
        label="W$_L$",
        linestyle=(0, (5, 1.5)),
    )
    grid[1, 0].set(ylabel="Gini coefficient", ylim=(0, 1))
    ax.legend(grid[1, 0])
    grid[1, 1].plot(x, scene.progress("weight_norm") ** 2, color=canvas.colour["ink"])
    grid[1, 1].set(ylabel="Σ weights²", ylim=(0, None))
    ax.headroom(grid[1, 1], below=False)
    for row, panels in enumerate(grid):
        for panel in panels:
            ax.epochs(panel, scene, label=row == 1)
            ax.phases(panel, scene, 0.026 if row == 0 else None)
            panel.grid(axis="y", linewidth=0.8)
    return _facts(scene)


def _losses(canvas: FigureCanvas, axes: Any, scene: Scene, name: str, label: str, meaning: str) -> None:
    x, drawn = scene.progress_epochs, []
    for key, colour, part in LOSSES:
        values = scene.progress(key)
        if values.size and not (key == "group_loss" and "train" in scene.parts):
            axes.plot(
                x, np.maximum(values, ax.SMALLEST), color=canvas.colour[colour], label=part, linewidth=1.3
            )
            drawn.append(values)
    if (values := scene.progress(name)).size:
        axes.plot(x, np.maximum(values, ax.SMALLEST), color=canvas.colour[meaning], label=label)
        drawn.append(values)
    ax.logarithmic(axes, drawn)
    axes.set_ylabel("loss (nats)")
    ax.legend_below(axes, 3, fontsize=9, bbox_to_anchor=(0.5, -0.08))


def _facts(scene: Scene) -> str:
    first, second = scene.phases.circuit_formation, scene.phases.cleanup
    theirs = (
        f"epochs {stated.PHASES[0]:,} and {stated.PHASES[1]:,}, and cleanup at {stated.PHASES[2]:,} "
        "(section 5.2)"
    )
    if first is None or second is None:
        return f"This run has one phase; in the paper memorisation and circuit formation end at {theirs}."
    return (
        f"Memorisation ends at epoch {first:,} and circuit formation at {second:,}, by our rule; the "
        f"paper states {theirs}."
    )


FIGURE = FigureSpec(
    "paper_figure_7",
    "paper",
    "Figure 7: progress measures",
    "Above, excluded and restricted loss with train and test loss; below, sparsity of the spectra and "
    "size of the weights. The measures move smoothly through the stretch in which the test loss looks "
    "flat.",
    draw,
    5.2,
    needs=frozenset({"progress", "weights"}),
    keys=True,
)

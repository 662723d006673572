"""Figures of published measures over training, each in the section in which it is read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokking.errors import command
from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import OverTraining
from grokking.figures.plots.attention import ATTENTION
from grokking.runs.view import RunView


@dataclass(frozen=True)
class Curve:
    """A measure over training. meaning: its colour.  dashes: as matplotlib takes them."""

    column: str
    meaning: str
    label: str
    dashes: str | tuple[int, tuple[float, ...]] = "-"


def draw_curves(
    canvas: FigureCanvas,
    view: RunView,
    over: OverTraining,
    curves: Sequence[Curve],
    label: str,
    logarithmic: bool = False,
    limits: tuple[float, float] | None = None,
) -> str:
    """The curves that the run's measures have, over epochs and phases; returns their last values in words."""
    known = {c: over.progress(c.column) for c in curves}
    known = {c: values for c, values in known.items() if np.isfinite(values).any()}
    if not known:
        return _not_measured(canvas, view, curves)
    panel = canvas.panel()
    for curve, values in known.items():
        panel.plot(
            over.progress_epochs,
            values,
            color=canvas.colour[curve.meaning],
            linestyle=curve.dashes,
            label=curve.label,
        )
    if logarithmic:
        ax.logarithmic(panel, list(known.values()))
    panel.grid(axis="y", linewidth=0.8)
    panel.set_ylabel(label)
    if limits is not None:
        panel.set_ylim(*limits)
    ax.epochs(panel, view)
    ax.phases(panel, view, over)
    ax.legend_below(panel, min(3, len(known)))
    last = [f"{c.label} {values[np.isfinite(values)][-1]:.3g}" for c, values in known.items()]
    return f"At the last checkpoint: {ax.listed(last)}."


def _not_measured(canvas: FigureCanvas, view: RunView, curves: Sequence[Curve]) -> str:
    name = curves[0].column
    canvas.note(f"{curves[0].label}: not measured")
    again = command("measure", view.run.directory.path)
    return f"The measures of this run have no {name}; {again} --measures {name} may add it."


CLOCK = (
    Curve("gradient_symmetricity", "test", "gradient symmetricity"),
    Curve("distance_irrelevance", "mean", "distance irrelevance"),
    Curve("component_circularity", "samples", "circularity of the components", (0, (5, 1.5))),
    Curve("disc_share", "key_frequency", "share of a disc", (0, (5, 1.5))),
    Curve("constant_attention", "null", "constant attention", (0, (1, 1.5))),
)


@ATTENTION.figure(
    "clock_and_pizza",
    "Clock or pizza",
    "Zhong et al. 2023 find gradient symmetricity near 1 and distance irrelevance low in a pizza, and the "
    "opposite in a clock. A share of a disc of 1 says that all neurons see a and b at one phase, 1/2 that "
    "they see two free angles. Constant attention of 1 is attention that no pair changes.",
    4.2,
    rank=200,
    needs=("progress",),
)
def clock_and_pizza(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Five shares over epochs."""
    return draw_curves(canvas, view, over, CLOCK, "share", limits=(-0.02, 1.05))

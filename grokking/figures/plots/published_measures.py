"""Figures of published measures over training, each in the section in which it is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import OverTraining
from grokking.figures.plots.attention import ATTENTION
from grokking.figures.plots.embedding import EMBEDDING
from grokking.figures.plots.logits import LOGITS
from grokking.figures.plots.neurons import NEURONS
from grokking.figures.plots.training import TRAINING
from grokking.figures.plots.trajectory import TRAJECTORY
from grokking.figures.registry import Section
from grokking.runs.view import RunView

HEIGHT = 4.2
EDGE = 0.02
"""What an axis has left beyond its curves."""
AFTER_THE_OTHERS = 200
"""Rank within a section: below what the section itself registers."""


@dataclass(frozen=True)
class Curve:
    """A measure over training. meaning: its colour.  dashes: as matplotlib takes them."""

    column: str
    meaning: str
    label: str
    dashes: str | tuple[int, tuple[float, ...]] = "-"


def curves_figure(
    section: Section,
    name: str,
    title: str,
    reading: str,
    label: str,
    curves: Sequence[Curve],
    *,
    logarithmic: bool = False,
    limits: tuple[float, float] | None = None,
    **about: Any,
) -> None:
    """Register a figure of the curves over epochs.

    label: of the values' axis.  logarithmic: its scale.  limits: its ends, which move where a curve goes
    beyond them.  about: further arguments of ``Section.figure``.
    """

    @section.figure(
        name,
        title,
        reading,
        HEIGHT,
        rank=AFTER_THE_OTHERS,
        needs=("progress",),
        columns=tuple(curve.column for curve in curves),
        **about,
    )
    def draw(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
        panel = canvas.panel()
        shown = draw_curves(panel, canvas, over, curves)
        if logarithmic:
            ax.logarithmic(panel, list(shown.values()))
        panel.grid(axis="y", linewidth=0.8)
        panel.set_ylabel(label)
        if limits is not None:
            panel.set_ylim(*_around(limits, list(shown.values())))
        ax.epochs(panel, view)
        ax.phases(panel, view, over)
        ax.legend_below(panel, min(3, len(shown)))
        last = [f"{one} = {values[-1]:.3g}" for one, values in shown.items() if np.isfinite(values[-1])]
        return f"At the last checkpoint: {ax.listed(last)}."


def draw_curves(
    panel: Any, canvas: FigureCanvas, over: OverTraining, curves: Sequence[Curve]
) -> dict[str, np.ndarray]:
    """Draw those of the curves that the run's measures have; returns their values by their labels."""
    shown = {curve: over.progress(curve.column) for curve in curves}
    shown = {curve: values for curve, values in shown.items() if np.isfinite(values).any()}
    for curve, values in shown.items():
        style = {"color": canvas.colour[curve.meaning], "linestyle": curve.dashes, "label": curve.label}
        panel.plot(over.progress_epochs, values, **style)
    return {curve.label: values for curve, values in shown.items()}


def _around(limits: tuple[float, float], curves: Sequence[np.ndarray]) -> tuple[float, float]:
    """The limits, farther apart where a curve would leave the axis."""
    every = np.concatenate(curves)
    return min(limits[0], float(np.nanmin(every)) - EDGE), max(limits[1], float(np.nanmax(every)) + EDGE)


curves_figure(
    ATTENTION,
    "clock_and_pizza",
    "Clock or pizza",
    "Zhong et al. 2023 find gradient symmetricity near 1 and distance irrelevance low in a pizza, and the "
    "opposite in a clock. A share of a disc of 1 says that all neurons see a and b at one phase, 1/2 that "
    "they see two free angles. Constant attention of 1 is attention that no pair changes.",
    "share",
    (
        Curve("gradient_symmetricity", "test", "gradient symmetricity"),
        Curve("distance_irrelevance", "mean", "distance irrelevance"),
        Curve("component_circularity", "samples", "circularity of the components", (0, (5, 1.5))),
        Curve("disc_share", "key_frequency", "share of a disc", (0, (5, 1.5))),
        Curve("constant_attention", "null", "constant attention", (0, (1, 1.5))),
    ),
    limits=(-0.02, 1.05),
    why_cyclic="clocks and pizzas are ways to add on circles",
)

curves_figure(
    TRAINING,
    "numerics",
    "Numerics at confidence",
    "Softmax collapse: train pairs whose largest softmax term equals the sum of all to the last bit, so that "
    "their gradient vanishes in that precision. A cosine near 1 says that descent only scales the weights "
    "(Prieto et al. 2025).",
    "share of train pairs; cosine",
    (
        Curve("softmax_collapse", "test", "softmax collapse in float32"),
        Curve("softmax_collapse_float64", "key_frequency", "softmax collapse in float64", (0, (5, 1.5))),
        Curve("zero_loss", "null", "loss of exactly 0", (0, (1, 1.5))),
        Curve("naive_loss_minimisation", "mean", "cosine of −∇L and the weights"),
    ),
    waves=False,
    split=True,
)

curves_figure(
    NEURONS,
    "phase_alignment",
    "Phases of neurons",
    "Phase alignment of 1: each neuron is read out at the sum of the phases at which it reads a and b. "
    "Inverse participation ratio of 1: each reads a at one frequency alone.",
    "mean over neurons",
    (
        Curve("phase_alignment", "test", "phase alignment"),
        Curve("phase_alignment_null", "null", "its 95 % quantile over shuffles", (0, (1, 1.5))),
        Curve("inverse_participation_ratio", "mean", "inverse participation ratio"),
    ),
    limits=(-0.25, 1.05),
    why_cyclic="a block has no phase that could be aligned",
)

curves_figure(
    EMBEDDING,
    "representation_quality",
    "Representation quality",
    "Parallelograms E_i + E_j = E_m + E_n of numbers with i + j = m + n (Liu et al. 2022): the share that "
    "closes, and the root mean square gap of all, 1 for unrelated embeddings. On a circle sums keep their "
    "direction and not their length, so few close.",
    "share; relative gap",
    (
        Curve("representation_quality", "test", "parallelograms that close"),
        Curve("parallelogram_error", "mean", "root mean square gap"),
    ),
    limits=(-0.02, 1.2),
    why_cyclic="its parallelograms are those of numbers on a line",
)

curves_figure(
    LOGITS,
    "circuit_efficiency",
    "Circuit efficiency",
    "The right logit above the mean, on train pairs: of all logits, of the waves that generalise and of the "
    "rest, which remembers. One network has one norm, so the curves compare what each buys with it "
    "(after Varma et al. 2023).",
    "logit scale (nats)",
    (
        Curve("logit_scale", "ink", "all logits"),
        Curve("logit_scale_generalising", "test", "waves of the key frequencies"),
        Curve("logit_scale_memorising", "mean", "the rest"),
    ),
    why_cyclic="its parts are the waves of the key frequencies and the rest",
)

curves_figure(
    TRAJECTORY,
    "curvature",
    "Curvature of the train loss",
    "Trace and largest eigenvalue of the Hessian, and how much the order of two steps matters. Measured only "
    "where it was asked for.",
    "curvature; defect",
    (
        Curve("hessian_top_eigenvalue", "test", "largest eigenvalue"),
        Curve("hessian_trace", "mean", "trace"),
        Curve("commutator_defect", "key_frequency", "commutator defect"),
    ),
    logarithmic=True,
    waves=False,
    split=True,
)

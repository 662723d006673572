"""Figures of published measures over training, each in the section in which it is read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grokking.errors import command
from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import OverTraining
from grokking.figures.plots.attention import ATTENTION
from grokking.figures.plots.embedding import EMBEDDING
from grokking.figures.plots.logits import LOGITS
from grokking.figures.plots.neurons import NEURONS
from grokking.figures.plots.training import TRAINING
from grokking.figures.plots.trajectory import TRAJECTORY
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
    return f"The measures of this run have no {name}; {again} adds it, with --measures where it is costly."


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
    why_cyclic="clocks and pizzas are ways to add on circles",
)
def clock_and_pizza(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Five shares over epochs."""
    return draw_curves(canvas, view, over, CLOCK, "share", limits=(-0.02, 1.05))


NUMERICS = (
    Curve("softmax_collapse", "test", "softmax collapse, float32"),
    Curve("softmax_collapse_float64", "key_frequency", "softmax collapse, float64", (0, (5, 1.5))),
    Curve("zero_loss", "null", "loss exactly 0", (0, (1, 1.5))),
    Curve("naive_loss_minimisation", "mean", "cosine of −∇L and the weights"),
)


@TRAINING.figure(
    "numerics",
    "Numerics at confidence",
    "Softmax collapse: train pairs whose largest softmax term equals the sum of all to the last bit, so that "
    "their gradient vanishes in that precision. A cosine near 1 says that descent only scales the weights "
    "(Prieto et al. 2025).",
    4.2,
    rank=200,
    needs=("progress",),
    waves=False,
    split=True,
)
def numerics(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Three shares of the train pairs and a cosine over epochs."""
    return draw_curves(canvas, view, over, NUMERICS, "share of train pairs; cosine")


ALIGNMENT = (
    Curve("phase_alignment", "test", "phase alignment"),
    Curve("phase_alignment_null", "null", "95 % of shuffles", (0, (1, 1.5))),
    Curve("inverse_participation_ratio", "mean", "inverse participation ratio"),
)


@NEURONS.figure(
    "phase_alignment",
    "Phases of neurons",
    "Phase alignment of 1: each neuron is read out at the sum of the phases at which it reads a and b. "
    "Inverse participation ratio of 1: each reads a at one frequency alone.",
    4.2,
    rank=200,
    needs=("progress",),
    why_cyclic="a block has no phase that could be aligned",
)
def phase_alignment(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Alignment with its null, and the participation ratio, over epochs."""
    return draw_curves(canvas, view, over, ALIGNMENT, "mean over neurons", limits=(-0.25, 1.05))


QUALITY = (
    Curve("representation_quality", "test", "parallelograms that close"),
    Curve("parallelogram_error", "mean", "gap, random embeddings 1"),
)


@EMBEDDING.figure(
    "representation_quality",
    "Representation quality",
    "Parallelograms E_i + E_j = E_m + E_n of numbers with i + j = m + n (Liu et al. 2022): the share that "
    "closes, and the gap of the typical one. On a circle sums keep their direction and not their length, so "
    "few close.",
    4.2,
    rank=200,
    needs=("progress",),
    why_cyclic="its parallelograms are those of numbers on a line",
)
def representation_quality(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Share and gap over epochs."""
    return draw_curves(canvas, view, over, QUALITY, "share; relative gap", limits=(-0.02, 1.2))


EFFICIENCY = (
    Curve("logit_scale", "ink", "all logits"),
    Curve("logit_scale_generalising", "test", "waves of the key frequencies"),
    Curve("logit_scale_memorising", "mean", "the rest"),
)


@LOGITS.figure(
    "circuit_efficiency",
    "Circuit efficiency",
    "The right logit above the mean, on train pairs: of all logits, of the waves that generalise and of the "
    "rest, which remembers. One network has one norm, so the curves compare what each buys with it "
    "(after Varma et al. 2023).",
    4.2,
    rank=200,
    needs=("progress",),
    why_cyclic="its parts are the waves of the key frequencies and the rest",
)
def circuit_efficiency(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Three logit scales over epochs."""
    return draw_curves(canvas, view, over, EFFICIENCY, "logit scale (nats)")


CURVATURE = (
    Curve("hessian_top_eigenvalue", "test", "largest eigenvalue"),
    Curve("hessian_trace", "mean", "trace"),
    Curve("commutator_defect", "key_frequency", "commutator defect"),
)


@TRAJECTORY.figure(
    "curvature",
    "Curvature of the train loss",
    "Trace and largest eigenvalue of the Hessian, and how much the order of two steps matters. Measured only "
    "where it was asked for.",
    4.2,
    rank=200,
    needs=("progress",),
    waves=False,
    split=True,
)
def curvature(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Three measures on a logarithmic axis."""
    return draw_curves(canvas, view, over, CURVATURE, "curvature; defect", logarithmic=True)

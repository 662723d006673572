"""Figures of the section ``trajectory``: the path of the weights."""

from typing import Any

import numpy as np

from grokking.drawing.style import residue_colours
from grokking.figures import axes, charts
from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import OverTraining, weight_components
from grokking.figures.registry import Section
from grokking.metrics.components import component_spectra, principal_components
from grokking.metrics.embedding import circle_coordinates, dominant_circle
from grokking.runs.view import RunView

TRAJECTORY = Section("trajectory", "Trajectory", rank=60)
N_PATH_COMPONENTS = 3
ORDINALS = ("first", "second", "third")
MEANINGS = ("mean", "test", "samples")
N_COMPONENTS = 12


@TRAJECTORY.figure(
    "weight_trajectory",
    "The path of the weights",
    "Left, all weights of each checkpoint as one point, darker for later; right, the same over epochs. "
    "Components are of the weights centred over the checkpoints, which lie denser where accuracy moves.",
    4.1,
    rank=10,
    needs=("progress",),
    waves=False,
)
def weight_trajectory(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """The path in two components, and three of them over epochs."""
    epochs, scores, shares = weight_components(view, N_PATH_COMPONENTS)
    if scores.shape[1] < 2:
        canvas.note("one checkpoint has no path")
        return "The run has only one checkpoint."
    path, by_epoch = canvas.panels(1, 2, width_ratios=(1, 1.3))[0]
    path.plot(*scores[:, :2].T, color=canvas.colour["other_frequency"], linewidth=1)
    dots = path.scatter(
        *scores[:, :2].T,
        c=epochs,
        cmap=axes.sequential(),
        s=16,
        linewidths=0.3,
        edgecolors=canvas.colour["muted"],
        zorder=2,
    )
    charts.colour_bar(canvas, dots, path, "epoch", location="top", aspect=30)
    path.set(xlabel=f"component 1 ({100 * shares[0]:.0f} %)", ylabel=f"component 2 ({100 * shares[1]:.0f} %)")
    path.margins(0.06)
    for i in range(scores.shape[1]):
        label = f"{ORDINALS[i]} ({100 * shares[i]:.0f} %)"
        by_epoch.plot(epochs, scores[:, i], color=canvas.colour[MEANINGS[i]], label=label)
    by_epoch.set_ylabel("score (units of the weights)")
    by_epoch.grid(axis="y", linewidth=0.8)
    ax.headroom(by_epoch)
    ax.epochs(by_epoch, view)
    ax.phases(by_epoch, view, over, None)
    ax.legend_below(by_epoch, 3, fontsize=9)
    return f"{len(epochs)} checkpoints; the first two components hold {shares[:2].sum():.1%} of the variance."


@TRAJECTORY.figure(
    "pca_and_fourier",
    "Principal components and Fourier components",
    "The same numbers, coloured by their phase at the dominant frequency, in the first two principal "
    "components (left) and on the Fourier circle (middle). Right: PCA orders by variance, so where "
    "circles are of nearly equal size a component mixes several of them, and the plot of two components "
    "misses the circle.",
    3.1,
    rank=20,
    at_epoch=True,
    why_cyclic="a block has no circle to compare principal components with",
)
def pca_and_fourier(canvas: FigureCanvas, view: RunView) -> str:
    """Components 1 and 2, the dominant circle, and what each component mixes."""
    k = dominant_circle(view.embedding)
    if k is None:
        canvas.note("a group this small has no circle")
        return "There is no circle."
    found = principal_components(view.embedding, N_COMPONENTS)
    left, middle, right = canvas.panels(1, 3, width_ratios=(1, 1, 1.25))[0]
    phase = k * np.arange(view.n) % view.n / view.n
    _dots(left, found.scores[:, :2], phase)
    names = [f"component {i + 1} ({100 * share:.0f} %)" for i, share in enumerate(found.shares[:2])]
    left.set(xlabel=names[0], ylabel=names[1])
    left.set_title("principal components", fontsize=10.5)
    _dots(middle, circle_coordinates(view.embedding, k), phase)
    middle.set(xlabel=f"cosine of k = {k}", ylabel=f"sine of k = {k}")
    middle.set_title("Fourier", fontsize=10.5)
    spectra = component_spectra(found.scores)
    frequencies = sorted(view.keys) or sorted(int(i) + 1 for i in np.argsort(-spectra.max(axis=1))[:6])
    charts.heat(
        canvas,
        right,
        spectra[np.array(frequencies) - 1],
        "share of the component",
        limit=1.0,
        extent=(0.5, spectra.shape[1] + 0.5, -0.5, len(frequencies) - 0.5),
    )
    right.set(
        yticks=range(len(frequencies)),
        yticklabels=frequencies,
        xlabel="principal component",
        ylabel="frequency k",
    )
    top = spectra[:, :2].max(axis=0)
    return (
        f"The first two components are {top[0]:.0%} and {top[1]:.0%} one frequency "
        f"(k = {spectra[:, 0].argmax() + 1} and k = {spectra[:, 1].argmax() + 1})."
    )


def _dots(axes: Any, points: np.ndarray, phase: np.ndarray) -> None:
    axes.scatter(*points.T, s=10, c=residue_colours(phase), linewidths=0)
    reach = 1.12 * np.abs(points).max() or 1.0
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.locator_params(nbins=4)


@TRAJECTORY.figure(
    "effective_rank",
    "Effective rank over training",
    "exp of the entropy of the normalised singular values (Roy and Vetterli 2007). A cosine and a sine "
    "for each key frequency are all that the circuit needs of W_L.",
    3.4,
    rank=30,
    needs=(
        "progress",
        "weights",
    ),
    blocks=True,
)
def effective_rank(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Of W_L and W_E, with what the key frequencies need."""
    panel = canvas.panel()
    rank, embedding = over["readout_rank"], over["embedding_rank"]
    needed = sum(view.basis.blocks[k].size for k in view.keys)
    panel.plot(over.epochs, rank, color=canvas.colour["test"], label="neuron–logit map W$_L$")
    panel.plot(
        over.epochs,
        embedding,
        color=canvas.colour["mean"],
        linestyle=(0, (5, 1.5)),
        label="embedding W$_E$",
    )
    panel.set(ylabel="effective rank", ylim=(0, 1.08 * max(needed, rank.max(), embedding.max())))
    if needed:
        ax.guide(panel, needed, f"rows of the key frequencies: {needed}", below=True)
    panel.grid(axis="y", linewidth=0.8)
    ax.epochs(panel, view)
    ax.phases(panel, view, over)
    ax.legend(panel)
    return (
        f"W_L falls from {rank[0]:.1f} to {rank[-1]:.1f}, W_E from {embedding[0]:.1f} to {embedding[-1]:.1f}."
        if rank[-1] < rank[0]
        else f"W_L at the end: {rank[-1]:.1f}; W_E: {embedding[-1]:.1f}."
    )

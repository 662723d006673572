"""The embedding in principal components beside its Fourier circle."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.components import component_spectra, principal_components
from grokking.metrics.embedding import circle_coordinates, dominant_circle

N_COMPONENTS = 12


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Components 1 and 2, the dominant circle, and what each component mixes."""
    k = dominant_circle(scene.embedding)
    if k is None:
        canvas.note("a group this small has no circle")
        return "There is no circle."
    found = principal_components(scene.embedding, N_COMPONENTS)
    left, middle, right = canvas.panels(1, 3, width_ratios=(1, 1, 1.25))[0]
    phase = k * np.arange(scene.n) % scene.n / scene.n
    _dots(left, found.scores[:, :2], phase)
    names = [f"component {i + 1} ({100 * share:.0f} %)" for i, share in enumerate(found.shares[:2])]
    left.set(xlabel=names[0], ylabel=names[1])
    left.set_title("principal components", fontsize=10.5)
    _dots(middle, circle_coordinates(scene.embedding, k), phase)
    middle.set(xlabel=f"cosine of k = {k}", ylabel=f"sine of k = {k}")
    middle.set_title("Fourier", fontsize=10.5)
    spectra = component_spectra(found.scores)
    kept = sorted(scene.keys) or sorted(int(i) + 1 for i in np.argsort(-spectra.max(axis=1))[:6])
    ax.heat(
        canvas,
        right,
        spectra[np.array(kept) - 1],
        "share of the component",
        limit=1.0,
        extent=(0.5, spectra.shape[1] + 0.5, -0.5, len(kept) - 0.5),
    )
    right.set(yticks=range(len(kept)), yticklabels=kept, xlabel="principal component", ylabel="frequency k")
    top = spectra[:, :2].max(axis=0)
    return (
        f"The first two components are {top[0]:.0%} and {top[1]:.0%} one frequency "
        f"(k = {spectra[:, 0].argmax() + 1} and k = {spectra[:, 1].argmax() + 1})."
    )


def _dots(axes: Any, points: np.ndarray, phase: np.ndarray) -> None:
    axes.scatter(*points.T, s=10, c=ax.cyclic(phase), linewidths=0)
    reach = 1.12 * np.abs(points).max() or 1.0
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.locator_params(nbins=4)


FIGURE = FigureSpec(
    "pca_and_fourier",
    "trajectory",
    "Principal components beside Fourier",
    "The same numbers, coloured by their phase at the dominant frequency, in the first two principal "
    "components (left) and on the Fourier circle (middle). Right: PCA orders by variance, so where "
    "circles are of nearly equal size a component mixes several of them, and the plot of two components "
    "misses the circle.",
    draw,
    3.1,
    at_epoch=True,
)

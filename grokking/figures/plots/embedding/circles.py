"""The embedding on the circle of each key frequency."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.groups.fourier import fourier_basis
from grokking.metrics.embedding import circle_coordinates, circularity
from grokking.metrics.fixed_frequency_fit import mean_circle

MOST = 9


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Up to nine circles, side by side."""
    circles = [k for k in scene.keys if k in fourier_basis(scene.n).paired_frequencies]
    shown = circles[:MOST]
    if not shown:
        canvas.note("no circle: the only key frequency, n/2, is an alternation, not a rotation")
        return "The only key frequency has no circle."
    grid = canvas.panels(*layout(len(shown)))
    found = {k: _circle(canvas, axes, scene, k) for k, axes in zip(shown, grid.flat, strict=False)}
    for axes in list(grid.flat)[len(shown) :]:
        axes.set_axis_off()
    rest = f" {len(circles) - MOST} more are not shown." if len(circles) > MOST else ""
    return "Circularity: " + ", ".join(f"{value:.2f} at k = {k}" for k, value in found.items()) + "." + rest


def _circle(canvas: FigureCanvas, axes: Any, scene: Scene, k: int) -> float:
    points = circle_coordinates(scene.embedding, k)
    centre, radius = mean_circle(points)
    phase = k * np.arange(scene.n) % scene.n
    turn = np.linspace(0, 2 * np.pi, 200)
    axes.plot(
        centre[0] + radius * np.cos(turn),
        centre[1] + radius * np.sin(turn),
        color=canvas.colour["faint"],
        linewidth=1.2,
        zorder=0,
    )
    order = np.lexsort((np.arange(scene.n), phase))
    axes.plot(*points[np.append(order, order[0])].T, color=canvas.colour["other_frequency"], linewidth=0.5)
    axes.scatter(*points.T, s=9, c=ax.cyclic(phase / scene.n), linewidths=0, zorder=2)
    score = float(circularity(points))
    reach = 1.12 * np.abs(points).max()
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set_title(f"k = {k}   circularity {score:.2f}", fontsize=10)
    axes.tick_params(labelsize=8)
    axes.locator_params(nbins=3)
    return score


def height(scene: Scene) -> float:
    """Inches for the circles of a scene."""
    return 0.7 + (2.6 if len(scene.keys) > 2 else 3.4) * layout(len(scene.keys))[0]


def layout(n: int) -> tuple[int, int]:
    """Rows and columns for so many circles."""
    columns = 2 if n in (1, 2, 4) else 3
    return -(-min(max(n, 1), MOST) // columns), columns


FIGURE = FigureSpec(
    "circles",
    "embedding",
    "Circles of the key frequencies",
    "A dot is a number, seen along the cosine (across) and the sine (up) of one frequency in W_E, in "
    "units of W_E; lines join neighbours in phase, and colour is the phase. Evenly round means the "
    "network stores the number as an angle.",
    draw,
    height,
    at_epoch=True,
    keys=True,
)

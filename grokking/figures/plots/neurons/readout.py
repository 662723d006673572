"""The neuron-logit map and its spectrum."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.plots.neurons.frequency_map import sorted_neurons
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.readout import effective_rank, readout_energy, readout_share


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """The map itself, its spectrum by neuron, and the whole spectrum."""
    order, readout = sorted_neurons(scene.shares), scene.readout
    grid = canvas.panels(2, 2, width_ratios=(3, 1), sharey="row")
    plain, empty, spectrum, whole = grid.flat
    ax.heat(
        canvas,
        plain,
        readout[order].T,
        "W$_L$",
        centred=True,
        limit=float(np.quantile(np.abs(readout), 0.999)) or 1.0,
    )
    plain.set_ylabel(f"class {scene.index_label('c')}")
    energy = readout_energy(readout)
    ax.heat(
        canvas,
        spectrum,
        np.sqrt(energy[:, order]),
        "norm",
        gamma=0.7,
        extent=(0, len(readout), 0.5, len(energy) + 0.5),
    )
    spectrum.set(xlabel="neurons, sorted by their frequency", ylabel="frequency of c")
    share = readout_share(readout)
    colours = [
        canvas.colour["key_frequency" if k in scene.keys else "other_frequency"]
        for k in range(1, len(share) + 1)
    ]
    whole.barh(np.arange(1, len(share) + 1), share, height=0.8, color=colours)
    whole.set_xlabel("share of W$_L$")
    ax.percent(whole.xaxis, 2)
    whole.grid(axis="x", linewidth=0.8)
    empty.set_axis_off()
    _name_keys(canvas, whole, scene, share)
    kept = share[np.array(scene.keys, dtype=int) - 1].sum()
    where = (
        f"{kept:.1%} of the energy lies at the key frequencies" if scene.keys else "there is no key frequency"
    )
    return f"Effective rank {effective_rank(readout):.1f} of at most {min(readout.shape)}; {where}."


def _name_keys(canvas: FigureCanvas, axes: Any, scene: Scene, share: np.ndarray) -> None:
    for k, words in ax.named(scene.keys, share):
        axes.annotate(
            words,
            (share[k - 1], k),
            (3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=canvas.colour["key_frequency"],
            annotation_clip=False,
        )
    axes.set_xlim(0, 1.4 * max(share.max(), 1e-12))


FIGURE = FigureSpec(
    "readout",
    "neurons",
    "The neuron–logit map W_L and its spectrum",
    "Above, what each neuron adds to each class (W_out W_U, less what all classes share); below, the same "
    "as waves over the classes. A neuron of frequency k reads out at k and nowhere else.",
    draw,
    5.0,
    at_epoch=True,
)

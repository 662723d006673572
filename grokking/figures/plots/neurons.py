"""Figures of the section ``neurons``: single neurons as waves, and what they add to the logits."""

from typing import Any

import numpy as np

from grokking.figures import axes, charts
from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import R2_BINS, OverTraining
from grokking.figures.registry import Section
from grokking.metrics.neurons import KEY_SHARE, OWNED_SHARE, VarianceShares
from grokking.metrics.readout import effective_rank, readout_energy, readout_share
from grokking.metrics.spectra2d import energy_by_frequencies, spectrum_2d
from grokking.runs.view import RunView

NEURONS = Section("neurons", "Neurons", rank=40)
MOST_NEURONS = 5
MOST_CLUSTERS = 12
CLUSTER_SPREAD = 0.38


def clearest(view: RunView, k: int) -> int | None:
    """The neuron with the largest share of variance at k among those that k explains best."""
    mine = view.shares.frequency == k
    return int(np.where(mine, view.shares.by_frequency[k - 1], -1.0).argmax()) if mine.any() else None


@NEURONS.figure(
    "neuron_grids",
    "The clearest neuron of each key frequency",
    "Above, a neuron's activation on every pair, darker for more, each on its own scale; below, the size "
    "of its waves by their frequency in a and in b (0: constant). A neuron of the circuit has a spot at "
    "(k, k) and its two feet on the axes.",
    4.5,
    rank=10,
    at_epoch=True,
    keys=True,
    blocks=True,
)
def neuron_grids(canvas: FigureCanvas, view: RunView) -> str:
    """A column per frequency: activations above, spectrum below."""
    found = [(k, j) for k in view.keys if (j := clearest(view, k)) is not None][:MOST_NEURONS]
    if not found:
        canvas.note(f"at epoch {view.epoch:,} no neuron is explained best by a key frequency")
        return "No neuron to show."
    columns = max(3, len(found))
    grid = canvas.panels(2, columns)
    for column, (k, j) in enumerate(found):
        _column(canvas, grid[:, column], view, k, j)
    for panels in grid[:, len(found) :].T:
        for panel in panels:
            panel.set_axis_off()
    grid[0, 0].set_ylabel(view.index_label("b"))
    grid[1, 0].set_ylabel("frequency in b")
    best = (f"k = {k}, neuron {j}: {view.shares.by_frequency[k - 1, j]:.1%}" for k, j in found)
    return f"Share of the neuron's variance at its frequency: {'; '.join(best)}."


def _column(canvas: FigureCanvas, panels: Any, view: RunView, k: int, j: int) -> None:
    grid = view.acts.neuron_grid(view.grid)[:, :, j]
    above, below = panels
    charts.heat(canvas, above, grid.cpu().numpy().T, "", bar=False)
    norms = np.sqrt(energy_by_frequencies(spectrum_2d(grid - grid.mean(), view.basis), view.basis))
    charts.heat(canvas, below, norms.T, "", bar=False, gamma=0.6)
    above.set_title(f"neuron {j}", fontsize=10)
    below.set_title(f"k = {k}, fve {view.shares.by_frequency[k - 1, j]:.2f}", fontsize=10)
    above.set_xlabel(view.index_label("a"))
    below.set_xlabel("frequency in a")
    for panel in panels:
        panel.set_aspect("equal")
        panel.tick_params(labelsize=8.5)
        ax.whole_ticks(panel, 3)


def sorted_neurons(shares: VarianceShares) -> np.ndarray:
    """Neurons by their frequency, the clearest first; those that no frequency owns last, int64 [m]."""
    owner = np.where(shares.owner > 0, shares.owner, len(shares.by_frequency) + 1)
    return np.lexsort((-shares.fve, shares.frequency, owner))


@NEURONS.figure(
    "neuron_frequencies",
    "Which frequency explains which neuron",
    "A column is a neuron, a row a frequency; dark is a large share of the neuron's variance over all "
    "pairs. After grokking each column has one dark cell, and few rows have any.",
    3.8,
    rank=20,
    at_epoch=True,
    blocks=True,
)
def neuron_frequencies(canvas: FigureCanvas, view: RunView) -> str:
    """Frequency by neuron."""
    shares, panel = view.shares, canvas.panel()
    values = shares.by_frequency[:, sorted_neurons(shares)]
    charts.heat(
        canvas,
        panel,
        values,
        "share of variance",
        limit=1.0,
        extent=(0, values.shape[1], 0.5, len(values) + 0.5),
    )
    panel.set(xlabel="neurons, sorted by their frequency", ylabel="frequency k")
    charts.mark_keys(panel, view.keys)
    owned = int((shares.owner > 0).sum())
    panel.axvline(owned, color=canvas.colour["null"], linewidth=1, linestyle=(0, (1, 2)))
    return (
        f"{owned} of {values.shape[1]} neurons ({owned / values.shape[1]:.1%}) belong to one "
        f"frequency, with more "
        f"than {OWNED_SHARE:.0%} of their variance (left of the dotted line)."
    )


def clusters(view: RunView) -> dict[int, np.ndarray]:
    """Neurons by the frequency that explains them best, largest clusters first; 0 is all others."""
    frequency = view.shares.frequency
    found, counts = np.unique(frequency[frequency > 0], return_counts=True)
    largest = [int(k) for k in found[np.argsort(-counts, kind="stable")]]
    chosen = [k for k in largest if k in view.keys] + [k for k in largest if k not in view.keys]
    groups = {k: np.flatnonzero(frequency == k) for k in chosen[:MOST_CLUSTERS]}
    rest = np.flatnonzero(~np.isin(frequency, list(groups)))
    return groups | ({0: rest} if len(rest) else {})


@NEURONS.figure(
    "neuron_clusters",
    "Clusters of neurons",
    "A dot is a neuron, in the column of the frequency that explains it best, sorted by the share "
    "explained; above each column, how many pass the dashed line at 85 % and so belong to that frequency.",
    3.6,
    rank=30,
    at_epoch=True,
    blocks=True,
)
def neuron_clusters(canvas: FigureCanvas, view: RunView) -> str:
    """A strip of dots per cluster."""
    panel, groups = canvas.panel(), clusters(view)
    styles = axes.frequency_styles(view.keys)
    for place, (k, neurons) in enumerate(groups.items()):
        values = np.sort(view.shares.fve[neurons])
        x = place + CLUSTER_SPREAD * np.linspace(-1, 1, len(values)) * (len(values) > 1)
        colour = styles[k]["color"] if k in styles else canvas.colour["other_frequency"]
        panel.scatter(x, values, s=8, color=colour, linewidths=0, rasterized=True)
        owned = int((view.shares.owner[neurons] > 0).sum())
        panel.annotate(
            f"{owned}/{len(neurons)}", (place, 1.03), ha="center", fontsize=9, color=canvas.colour["muted"]
        )
    panel.axhline(OWNED_SHARE, color=canvas.colour["null"], linewidth=1, linestyle=(0, (4, 3)))
    panel.set(
        ylim=(0, 1.1),
        xlim=(-0.6, len(groups) - 0.4),
        ylabel="share of variance (fve)",
        xticks=range(len(groups)),
        xticklabels=[view.names_of([k])[0] if k else "others" for k in groups],
        xlabel="frequency k that explains the neuron best",
    )
    panel.grid(axis="y", linewidth=0.8)
    ax.percent(panel.yaxis)
    if not view.keys:
        return f"No frequency owns {KEY_SHARE:.0%} of all neurons: there is no key frequency."
    owners = np.bincount(view.shares.owner, minlength=max(view.keys) + 1)
    return "Neurons owned: " + ", ".join(f"{owners[k]} by k = {k}" for k in view.keys) + "."


@NEURONS.figure(
    "r2_over_training",
    "How sinusoidal the neurons are",
    "A column is the histogram, over the live neurons of one epoch, of how well one sine of the answer "
    "describes the neuron's mean activation; the mass moves to 1 as the network groks.",
    3.6,
    rank=40,
    needs=("neurons",),
    blocks=True,
)
def r2_over_training(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """A histogram per epoch, with mean and null."""
    panel, counts = canvas.panel(), over["r2_counts"]
    charts.over_epochs(canvas, panel, over.epochs, counts, R2_BINS, "neurons")
    strength = view.logged("fourier_strength")
    null = view.logged("fourier_strength_null")
    halo = {"color": canvas.colour["background"], "linewidth": 4}
    panel.plot(strength.epochs, strength.values, **halo)
    panel.plot(strength.epochs, strength.values, color=canvas.colour["sine"], label="mean (Fourier strength)")
    panel.plot(
        null.epochs,
        null.values,
        color=canvas.colour["key_frequency"],
        linestyle=(0, (4, 3)),
        label="95 % of shuffles",
    )
    panel.set(ylabel="R² of a neuron's best sine", ylim=(0, 1))
    ax.epochs(panel, view)
    ax.legend(panel, loc="lower right")
    dead = int(counts.shape[1] and view.run.shape.d_mlp - counts[-1].sum())
    last = strength.values[np.isfinite(strength.values)][-1:]
    if not len(last):
        return "All neurons are dead."
    return (
        f"Fourier strength at the end: {last[0]:.2f} (null {null.values[-1]:.2f}); {dead} neurons are dead."
    )


@NEURONS.figure(
    "readout",
    "The neuron–logit map W_L and its spectrum",
    "Above, what each neuron adds to each class (W_out W_U, less what all classes share); below, the same "
    "as waves over the classes. A neuron of frequency k reads out at k and nowhere else.",
    5.0,
    rank=50,
    at_epoch=True,
    blocks=True,
)
def readout(canvas: FigureCanvas, view: RunView) -> str:
    """The map itself, its spectrum by neuron, and the whole spectrum."""
    order, readout = sorted_neurons(view.shares), view.readout
    grid = canvas.panels(2, 2, width_ratios=(3, 1), sharey="row")
    plain, empty, spectrum, whole = grid.flat
    charts.heat(
        canvas,
        plain,
        readout[order].T,
        "W$_L$",
        centred=True,
        limit=float(np.quantile(np.abs(readout), 0.999)) or 1.0,
    )
    plain.set_ylabel(f"class {view.index_label('c')}")
    energy = readout_energy(readout, view.basis)
    charts.heat(
        canvas,
        spectrum,
        np.sqrt(energy[:, order]),
        "norm",
        gamma=0.7,
        extent=(0, len(readout), 0.5, len(energy) + 0.5),
    )
    spectrum.set(xlabel="neurons, sorted by their frequency", ylabel="frequency of c")
    share = readout_share(readout, view.basis)
    bar_colours = [
        canvas.colour["key_frequency" if k in view.keys else "other_frequency"]
        for k in range(1, len(share) + 1)
    ]
    whole.barh(np.arange(1, len(share) + 1), share, height=0.8, color=bar_colours)
    whole.set_xlabel("share of W$_L$")
    ax.percent(whole.xaxis, 2)
    whole.grid(axis="x", linewidth=0.8)
    empty.set_axis_off()
    _name_keys(canvas, whole, view, share)
    at_keys = share[np.array(view.keys, dtype=int) - 1].sum()
    where = (
        f"{at_keys:.1%} of the energy lies at the key frequencies"
        if view.keys
        else "there is no key frequency"
    )
    return f"Effective rank {effective_rank(readout):.1f} of at most {min(readout.shape)}; {where}."


def _name_keys(canvas: FigureCanvas, axes: Any, view: RunView, share: np.ndarray) -> None:
    for k, words in charts.named(view.keys, share):
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

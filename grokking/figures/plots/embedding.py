"""Figures of the section ``embedding``: W_E as circles."""

from typing import Any

import numpy as np

from grokking.drawing.style import residue_colours
from grokking.figures import axes as ax
from grokking.figures import charts
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import OverTraining
from grokking.figures.registry import Section
from grokking.groups.basis import fourier_basis
from grokking.groups.cyclic import additive_group
from grokking.metrics.embedding import circle_coordinates, circularity, frequency_share, gini
from grokking.metrics.fixed_frequency_fit import mean_circle
from grokking.metrics.token_ordering import ADDITIVE, LOGARITHMIC
from grokking.runs.view import RunView
from grokking.tasks.finite_group import GroupTask

EMBEDDING = Section("embedding", "Embedding", rank=20)
ORDER_TITLES = {ADDITIVE: "as one counts: 0, 1, 2 …", LOGARITHMIC: "by discrete logarithm"}
ORDER_STYLES: dict[str, tuple[str, Any]] = {ADDITIVE: ("test", (0, (5, 1.5))), LOGARITHMIC: ("mean", "-")}
MOST_CIRCLES = 9


def _two_orders(view: RunView) -> bool:
    """Whether the numbers have another order than that of the group: those of a multiplication."""
    return view.need_group().name != "additive" and not isinstance(view.run.task, GroupTask)


def _embedding_spectrum_height(view: RunView) -> float:
    """Inches for one panel or two."""
    return 4.4 if _two_orders(view) else 3.3


@EMBEDDING.figure(
    "embedding_spectrum",
    "The spectrum of the embedding",
    "Each bar is the share of the embedding's energy in waves of one frequency around the group; a "
    "network that has grokked needs few. Key frequencies, those of the neurons, are named and coloured.",
    _embedding_spectrum_height,
    rank=10,
    at_epoch=True,
    blocks=True,
)
def embedding_spectrum(canvas: FigureCanvas, view: RunView) -> str:
    """Shares by frequency in group order; in the order of the residues too, where that differs."""
    share = frequency_share(view.embedding, view.basis)
    differs = _two_orders(view)
    panels = canvas.panels(1 + differs, 1)[:, 0]
    charts.frequency_bars(panels[0], share, view.keys, label=not differs)
    panels[0].set_ylabel("share of W$_E$")
    ax.percent(panels[0].yaxis)
    words = (
        f"Gini coefficient {gini(view.embedding, view.basis):.2f}; the largest share, {share.max():.0%}, "
        f"lies at k = {share.argmax() + 1}."
    )
    if not differs:
        return words
    plain = view.acts.embedding_in(additive_group(view.run.pair_task.p), view.name)
    charts.frequency_bars(panels[1], frequency_share(plain), None)
    panels[0].set_title(f"in group order, {view.index_label('x')}", loc="left")
    panels[1].set_title("in the order 0, 1, 2 …", loc="left")
    panels[1].set(ylabel="share of W$_E$", ylim=panels[0].get_ylim())
    ax.percent(panels[1].yaxis)
    return f"{words} In the order 0, 1, 2 … the same numbers have a Gini coefficient of {gini(plain):.2f}."


@EMBEDDING.figure(
    "embedding_over_training",
    "The embedding's spectrum over training",
    "A column is the spectrum of one epoch, darker for more; grokking empties all rows but a few. The "
    "scale is a square root, so that small shares show.",
    3.6,
    rank=20,
    blocks=True,
)
def embedding_over_training(canvas: FigureCanvas, view: RunView) -> str:
    """Shares by frequency and epoch."""
    panel, (epochs, share) = canvas.panel(), _logged_shares(view)
    charts.over_epochs(
        canvas, panel, list(epochs), share, np.arange(share.shape[1] + 1) + 0.5, "share of W$_E$"
    )
    panel.set_ylabel("frequency k")
    ax.epochs(panel, view)
    charts.mark_keys(panel, view.keys)
    return _dominant(epochs, share) + (
        f"Triangles: key frequencies {ax.listed(view.names_of(sorted(view.keys)))}."
        if view.keys
        else "There is no key frequency."
    )


def _logged_shares(view: RunView) -> tuple[np.ndarray, np.ndarray]:
    """Epochs int64 [E] and shares of W_E float64 [E, frequencies, or blocks] of the history."""
    history, labels = view.run.history, view.block_labels[1:]
    rows = history[("embedding_share" if labels else "frequency_share") + view.suffix]
    unknown = [np.nan] * (view.basis.n_blocks - 1)
    lists = [list(row.values()) if isinstance(row, dict) else row for row in rows]
    return np.array(history["epochs"]), np.array([row or unknown for row in lists], dtype=float)


def _dominant(epochs: np.ndarray, share: np.ndarray) -> str:
    """Since when the dominant frequency of the last row that knows it is what it is."""
    known = np.isfinite(share).all(axis=1)
    if not known.any():
        return "The dominant frequency was not logged. "
    epochs, values = epochs[known], share[known].argmax(axis=1) + 1
    others = np.flatnonzero(values != values[-1])
    steady = int(others[-1] + 1) if len(others) else 0
    return f"The dominant frequency is k = {values[-1]:.0f} from epoch {epochs[steady]:,} on. "


@EMBEDDING.figure(
    "orders",
    "One embedding in two orders of its numbers",
    "A column is the spectrum of one epoch, darker for more, on one scale. What adds residues is sparse as "
    "one counts, what multiplies them is sparse by discrete logarithm and flat as one counts. Dotted: what "
    "shuffled tokens give.",
    6.2,
    rank=30,
    needs=("orders",),
    logarithms=True,
    why_cyclic="its elements have no logarithms; grokking frames order sorts them by class and coset",
)
def orders(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Two heat maps on one scale, and the Gini coefficients below."""
    panels = canvas.panels(3, 1, height_ratios=(1, 1, 0.8))[:, 0]
    top = max(float(over[f"{name}_order_share"].max()) for name in ORDER_TITLES)
    for panel, (name, title) in zip(panels, ORDER_TITLES.items(), strict=False):
        share = over[f"{name}_order_share"]
        charts.over_epochs(
            canvas,
            panel,
            over.epochs,
            share,
            np.arange(share.shape[1] + 1) + 0.5,
            "share of W$_E$",
            top=top,
        )
        panel.set_ylabel("frequency k")
        panel.set_title(title, loc="left")
        ax.epochs(panel, view, label=False)
        if view.grid.group.name == name:
            charts.mark_keys(panel, view.keys)
    ginis = panels[2]
    for name, (meaning, dashes) in ORDER_STYLES.items():
        colour = canvas.colour[meaning]
        ginis.plot(
            over.epochs,
            over[f"{name}_order_gini"],
            color=colour,
            linestyle=dashes,
            label=ORDER_TITLES[name],
        )
        ginis.plot(
            over.epochs,
            over[f"{name}_order_null"],
            color=colour,
            linewidth=0.9,
            linestyle=(0, (1, 1.5)),
            label="its null" if name == LOGARITHMIC else None,
        )
    ginis.set(ylabel="Gini coefficient", ylim=(0, 1))
    ginis.grid(axis="y", linewidth=0.8)
    ax.epochs(ginis, view)
    ax.legend(ginis)
    return f"Gini coefficient at the end: {_end(over, ADDITIVE)}, {_end(over, LOGARITHMIC)}."


def _end(over: OverTraining, name: str) -> str:
    value, null = (over[f"{name}_order_{part}"][-1] for part in ("gini", "null"))
    return f"{value:.2f} {ORDER_TITLES[name].split(':')[0]} (null {null:.2f})"


def _circle_layout(n: int) -> tuple[int, int]:
    """Rows and columns for so many circles."""
    columns = 2 if n in (1, 2, 4) else 3
    return -(-min(max(n, 1), MOST_CIRCLES) // columns), columns


def _circles_height(view: RunView) -> float:
    """Inches for the circles of a run."""
    return 0.7 + (2.6 if len(view.keys) > 2 else 3.4) * _circle_layout(len(view.keys))[0]


@EMBEDDING.figure(
    "circles",
    "Circles of the key frequencies",
    "A dot is a number, projected on the cosine (across) and the sine (up) of one frequency in W_E, in "
    "units of W_E; lines join neighbours in phase, and colour is the phase. Evenly round means the "
    "network stores the number as an angle.",
    _circles_height,
    rank=40,
    at_epoch=True,
    keys=True,
    why_cyclic="a block has no circle; grokking frames circle shows each block's own picture",
)
def circles(canvas: FigureCanvas, view: RunView) -> str:
    """Up to nine circles, side by side."""
    circles = [k for k in view.keys if k in fourier_basis(view.n).paired_frequencies]
    shown = circles[:MOST_CIRCLES]
    if not shown:
        canvas.note("no circle: the only key frequency, n/2, is an alternation, not a rotation")
        return "The only key frequency has no circle."
    grid = canvas.panels(*_circle_layout(len(shown)))
    found = {k: _circle(canvas, axes, view, k) for k, axes in zip(shown, grid.flat, strict=False)}
    for axes in list(grid.flat)[len(shown) :]:
        axes.set_axis_off()
    rest = f" {len(circles) - MOST_CIRCLES} more are not shown." if len(circles) > MOST_CIRCLES else ""
    return "Circularity: " + ", ".join(f"{value:.2f} at k = {k}" for k, value in found.items()) + "." + rest


def _circle(canvas: FigureCanvas, axes: Any, view: RunView, k: int) -> float:
    points = circle_coordinates(view.embedding, k)
    centre, radius = mean_circle(points)
    phase = k * np.arange(view.n) % view.n
    turn = np.linspace(0, 2 * np.pi, 200)
    axes.plot(
        centre[0] + radius * np.cos(turn),
        centre[1] + radius * np.sin(turn),
        color=canvas.colour["faint"],
        linewidth=1.2,
        zorder=0,
    )
    order = np.lexsort((np.arange(view.n), phase))
    axes.plot(*points[np.append(order, order[0])].T, color=canvas.colour["other_frequency"], linewidth=0.5)
    axes.scatter(*points.T, s=9, c=residue_colours(phase / view.n), linewidths=0, zorder=2)
    score = float(circularity(points))
    reach = 1.12 * np.abs(points).max()
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set_title(f"k = {k}   circularity {score:.2f}", fontsize=10)
    axes.tick_params(labelsize=8)
    axes.locator_params(nbins=3)
    return score


@EMBEDDING.figure(
    "sparsity",
    "Sparsity of the spectra over training",
    "The Gini coefficient of the norms by frequency: 0 if all are alike, near 1 if few carry everything. "
    "The null is what shuffled tokens give.",
    3.4,
    rank=50,
    needs=(
        "progress",
        "weights",
    ),
    blocks=True,
)
def sparsity(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Gini of W_E with its null, and of W_L."""
    panel = canvas.panel()
    value, null = view.logged("gini"), view.logged("gini_null")
    readout = over["readout_gini"]
    panel.plot(value.epochs, value.values, color=canvas.colour["mean"], label="embedding W$_E$")
    panel.plot(
        over.epochs,
        readout,
        color=canvas.colour["test"],
        linestyle=(0, (5, 1.5)),
        label="neuron–logit map W$_L$",
    )
    panel.plot(
        null.epochs,
        null.values,
        color=canvas.colour["null"],
        linestyle=(0, (1, 1.5)),
        label="W$_E$, 95 % of shuffles",
    )
    panel.set(ylabel="Gini coefficient", ylim=(0, 1))
    panel.grid(axis="y", linewidth=0.8)
    ax.epochs(panel, view)
    ax.phases(panel, view, over)
    ax.legend(panel)
    return f"At the end: W_E {value.values[-1]:.2f} (null {null.values[-1]:.2f}), W_L {readout[-1]:.2f}."

"""Figures of the section ``paper``: figures of Nanda et al. 2023 (arXiv 2301.05217), under their numbers."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures import charts
from grokking.figures import nanda_2023 as stated
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import OverTraining
from grokking.figures.registry import Section
from grokking.groups.basis import fourier_basis
from grokking.metrics.attention import pattern_shares
from grokking.metrics.embedding import frequency_energy
from grokking.metrics.logits import excluded_loss
from grokking.metrics.neurons import OWNED_SHARE
from grokking.metrics.readout import effective_rank, readout_energy
from grokking.metrics.spectra2d import logit_spectrum
from grokking.runs.view import RunView

PAPER = Section("paper", "Figures of Nanda et al. 2023", rank=70)
LARGE_COMPONENT = 0.1
"""A component counts as large from this share of the largest norm on."""
GROUP_LOSSES = (
    ("group_loss_train", "train", "train"),
    ("group_loss_test", "test", "test"),
    ("group_loss", "test", "loss"),
)
"""Progress measure, meaning of its colour, label."""


@PAPER.figure(
    "paper_figure_3",
    "Figure 3: Fourier components of W_E and W_L",
    "The norm of each frequency's components, of the embedding over its tokens (left) and of the "
    "neuron–logit map over the classes (right). Few frequencies, and the same ones at both ends, are the "
    "sign of the circuit.",
    3.3,
    rank=10,
    at_epoch=True,
    why_cyclic="the paper is about addition",
)
def paper_figure_3(canvas: FigureCanvas, view: RunView) -> str:
    """Norms by frequency, side by side."""
    panels = canvas.panels(1, 2)[0]
    embedding = np.sqrt(frequency_energy(view.embedding))
    readout = np.sqrt(readout_energy(view.readout).sum(axis=1))
    for panel, norms, name in zip(panels, (embedding, readout), ("W$_E$", "W$_L$"), strict=True):
        charts.frequency_bars(panel, norms, view.keys)
        panel.set(ylabel=f"norm in {name}")
    theirs = stated.compared(
        f"Key frequencies: {ax.listed(sorted(view.keys))}", ax.listed(stated.KEY_FREQUENCIES)
    )
    return (
        f"{theirs} for its main run, with {stated.EMBEDDING_FREQUENCIES} frequencies in W_E (section "
        "4.1). "
        + stated.compared(
            f"Effective rank of W_L {effective_rank(view.readout):.1f}",
            f"a rank of about {stated.READOUT_RANK} (section 4.2)",
        )
        + "."
    )


@PAPER.figure(
    "paper_figure_4",
    "Figure 4: periodicity in attention, neurons and logits",
    "Left and middle, stripes and checks: head and neuron see the operands as waves. Right, the logits' "
    "components in the products of basis functions (1, cos 1, sin 1, …) of a and b; each block of two by "
    "two is one frequency.",
    3.7,
    rank=20,
    at_epoch=True,
    why_cyclic="the paper is about addition",
)
def paper_figure_4(canvas: FigureCanvas, view: RunView) -> str:
    """Head 0, neuron 0, and the norms of the logits' 2-D components."""
    panels = canvas.panels(1, 3)[0]
    head = view.attention[:, :, 0, 0].numpy()
    neuron = view.acts.neuron_grid(view.grid)[:, :, 0].cpu().numpy()
    norms = logit_spectrum(view.acts.logit_grid(view.grid))
    norms[0, 0] = 0.0
    titles = ("attention of head 0 to a", "activation of neuron 0", "norms of the logits")
    for panel, values, title in zip(panels, (head, neuron, norms), titles, strict=True):
        image = charts.heat(canvas, panel, values.T, "", bar=False)
        charts.colour_bar(canvas, image, panel, "", location="bottom", aspect=24, pad=0.03)
        panel.set_title(title, fontsize=10.5)
        panel.set_aspect("equal")
    for panel in panels[:2]:
        panel.set(xlabel=view.index_label("a"), ylabel=view.index_label("b"))
    panels[2].set(xlabel="component in a", ylabel="component in b")
    heads = pattern_shares(view.attention).fve
    large = int((norms >= LARGE_COMPONENT * norms.max()).sum())
    spans = ((heads.min(), heads.max()), stated.HEAD_SHARES)
    ours, theirs = (f"{low:.1%} to {high:.1%}" for low, high in spans)
    return (
        stated.compared(f"One frequency explains {ours} of the variance of a head's attention to a", theirs)
        + " (table 2, for a fit without products of waves). "
        + stated.compared(
            f"{large} components have a norm above a tenth of the largest",
            f"{stated.LOGIT_COMPONENTS} of significant norm",
        )
        + " (section 4.1)."
    )


@PAPER.figure(
    "paper_figure_5",
    "Figure 5: neurons of a single frequency",
    "Left, how much of each neuron one frequency explains (dashed: 85 %). Right, what the neurons of one "
    "cluster add to the logits, as waves over the classes: a single dark row, their own frequency.",
    3.3,
    rank=30,
    at_epoch=True,
    keys=True,
    why_cyclic="the paper is about addition",
)
def paper_figure_5(canvas: FigureCanvas, view: RunView) -> str:
    """A histogram of fve; the readout of the smallest cluster by frequency."""
    left, right = canvas.panels(1, 2)[0]
    fve, owner = view.shares.fve, view.shares.owner
    left.hist(fve, np.linspace(0, 1, 41), color=canvas.colour["mean"])
    left.axvline(OWNED_SHARE, color=canvas.colour["null"], linestyle=(0, (4, 3)), linewidth=1)
    left.set(xlabel="share of variance explained by one frequency", ylabel="neurons", xlim=(0, 1))
    left.grid(axis="y", linewidth=0.8)
    ax.headroom(left, below=False)
    sizes = {k: int((owner == k).sum()) for k in view.keys}
    sizes = {k: size for k, size in sizes.items() if size}
    if not sizes:
        right.set_axis_off()
        return f"At epoch {view.epoch:,} no key frequency owns a neuron."
    k = min(sizes, key=lambda key: (sizes[key], key))
    energy = readout_energy(view.readout)[:, owner == k]
    charts.heat(canvas, right, np.sqrt(energy), "norm", extent=(0, sizes[k], 0.5, len(energy) + 0.5))
    right.set(xlabel=f"neurons of k = {k}", ylabel="frequency of the class")
    owned, m = int((owner > 0).sum()), len(owner)
    return (
        stated.compared(
            f"{owned} of {m} neurons ({owned / m:.1%}) have more than {OWNED_SHARE:.0%} of "
            f"their variance "
            "explained by one frequency",
            f"{stated.OWNED_NEURONS} of {stated.ALL_NEURONS} "
            f"({stated.OWNED_NEURONS / stated.ALL_NEURONS:.1%}; section 4.3)",
        )
        + f". The cluster on the right is the smallest, {sizes[k]} neurons of k = {k}; the paper shows "
        f"{stated.SMALLEST_CLUSTER} of k = 14."
    )


@PAPER.figure(
    "paper_figure_6",
    "Figure 6: leaving out one frequency at a time",
    "The height of a dot is the loss after the waves of that frequency were taken out of the logits. Key "
    "frequencies stand out; without any other one the loss stays where it is.",
    3.6,
    rank=40,
    at_epoch=True,
    keys=True,
    why_cyclic="the paper is about addition",
)
def paper_figure_6(canvas: FigureCanvas, view: RunView) -> str:
    """Dots over k on a logarithmic axis, with the whole and the restricted loss as lines."""
    panel, logits, found = canvas.panel(), view.logits, []
    frequencies = list(fourier_basis(view.n).frequencies)
    for k in frequencies:
        found.append(excluded_loss(logits.logits, logits.s, logits.table, [k]))
    losses = np.array(found, dtype=float)
    whole, restricted = (
        logits.full_losses()["group_loss"],
        logits.restricted_losses(view.keys)["restricted_loss"],
    )
    lines = {"none left out": (whole, "ink"), "all but the key frequencies left out": (restricted, "samples")}
    floor = 10.0 ** np.floor(np.log10(max(min(losses.min(), whole or 1, restricted or 1), ax.SMALLEST)))
    colours = [canvas.colour["key_frequency" if k in view.keys else "other_frequency"] for k in frequencies]
    panel.vlines(frequencies, floor, losses, colors=colours, linewidth=2)
    panel.scatter(frequencies, losses, c=colours, s=16, zorder=3)
    for label, (value, meaning) in lines.items():
        panel.axhline(
            max(value or 0, ax.SMALLEST),
            color=canvas.colour[meaning],
            linewidth=1.3,
            linestyle=(0, (4, 2)),
            label=label,
        )
    ax.logarithmic(panel, [losses, np.array([whole, restricted], dtype=float)])
    panel.set(xlabel="frequency left out", ylabel="loss over all pairs (nats)", xlim=(0, frequencies[-1] + 1))
    for k, words in charts.named(view.keys, losses):
        panel.annotate(
            words,
            (k, losses[k - 1]),
            (0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color=canvas.colour["key_frequency"],
            fontweight="bold",
        )
    panel.margins(y=0.1)
    ax.legend(panel, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return (
        stated.compared(
            f"Loss {whole:.3g}, with the key frequencies alone {restricted:.3g}",
            f"{stated.LOSS:.3g} and {stated.RESTRICTED_LOSS:.3g} (section 4.4)",
        )
        + "."
    )


@PAPER.figure(
    "paper_figure_7",
    "Figure 7: progress measures",
    "Above, excluded and restricted loss with train and test loss; below, sparsity of the spectra and "
    "size of the weights. The measures move smoothly through the stretch in which the test loss looks "
    "flat.",
    5.2,
    rank=50,
    needs=(
        "progress",
        "weights",
    ),
    keys=True,
    why_cyclic="the paper is about addition",
)
def paper_figure_7(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Excluded loss, restricted loss, Gini coefficients, sum of squared weights."""
    grid = canvas.panels(2, 2, sharex=True)
    x = over.progress_epochs
    _losses(canvas, grid[0, 0], view, over, ("excluded_loss", "excluded", "key_frequency"))
    _losses(canvas, grid[0, 1], view, over, ("restricted_loss", "restricted", "samples"))
    grid[1, 0].plot(x, over.progress("gini"), color=canvas.colour["mean"], label="W$_E$")
    grid[1, 0].plot(
        over.epochs,
        over["readout_gini"],
        color=canvas.colour["test"],
        label="W$_L$",
        linestyle=(0, (5, 1.5)),
    )
    grid[1, 0].set(ylabel="Gini coefficient", ylim=(0, 1))
    ax.legend(grid[1, 0])
    grid[1, 1].plot(x, over.progress("weight_norm") ** 2, color=canvas.colour["ink"])
    grid[1, 1].set(ylabel="Σ weights²", ylim=(0, None))
    ax.headroom(grid[1, 1], below=False)
    for row, panels in enumerate(grid):
        for panel in panels:
            ax.epochs(panel, view, label=row == 1)
            ax.phases(panel, view, over, 0.026 if row == 0 else None)
            panel.grid(axis="y", linewidth=0.8)
    return _paper_figure_7_facts(over)


def _losses(
    canvas: FigureCanvas,
    axes: Any,
    view: RunView,
    over: OverTraining,
    loss: tuple[str, str, str],
) -> None:
    name, label, meaning = loss
    x, drawn = over.progress_epochs, []
    for key, colour, part in GROUP_LOSSES:
        values = over.progress(key)
        if values.size and not (key == "group_loss" and "train" in view.parts):
            axes.plot(
                x, np.maximum(values, ax.SMALLEST), color=canvas.colour[colour], label=part, linewidth=1.3
            )
            drawn.append(values)
    if (values := over.progress(name)).size:
        axes.plot(x, np.maximum(values, ax.SMALLEST), color=canvas.colour[meaning], label=label)
        drawn.append(values)
    ax.logarithmic(axes, drawn)
    axes.set_ylabel("loss (nats)")
    ax.legend_below(axes, 3, fontsize=9, bbox_to_anchor=(0.5, -0.08))


def _paper_figure_7_facts(over: OverTraining) -> str:
    first, second = over.phases.circuit_formation, over.phases.cleanup
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

"""Figures of the section ``training``: losses, norms and progress measures over training."""

from typing import Any

import numpy as np

from grokking.figures import axes
from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import OverTraining
from grokking.figures.registry import Section
from grokking.metrics.events import slingshots
from grokking.metrics.phases import CIRCUIT_FORMATION, CLEANUP
from grokking.runs.view import RunView

TRAINING = Section("training", "Training", rank=10)
PART_NAMES = {"train": "train", "test": "test", "all": "all pairs"}
LOSS_CURVES = (
    ("group_loss_train", "train", "train loss", "-"),
    ("group_loss_test", "test", "test loss", "-"),
    ("group_loss", "test", "loss", "-"),
    ("restricted_loss", "samples", "restricted loss (key frequencies alone)", "-"),
    ("excluded_loss", "key_frequency", "excluded loss (without them, on train pairs)", (0, (5, 1.5))),
)
NORM_COLOURS = ("mean", "test", "samples", "key_frequency", "sine", "train", "null")


@TRAINING.figure(
    "learning",
    "Losses and accuracies",
    "Train loss falls first; grokking is the late fall of the test loss, long after the train set was "
    "memorised. Bands are phases; a triangle marks a slingshot, a train loss ten times "
    "the level that it had before.",
    5.2,
    rank=10,
    needs=("progress",),
    waves=False,
)
def learning(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Two panels over epochs: loss and accuracy."""
    loss, accuracy = canvas.panels(2, 1, sharex=True)[:, 0]
    found = []
    for part in view.parts:
        meaning = "test" if part == "all" else part
        curve, right = view.logged(f"{part}_loss"), view.logged(f"{part}_acc")
        style = {"color": canvas.colour[meaning], "label": PART_NAMES[part]}
        loss.plot(curve.epochs, np.maximum(curve.values, ax.SMALLEST), **style)
        accuracy.plot(right.epochs, right.values, **style)
        found.append(curve.values)
        if part == "train":
            spikes = slingshots(list(curve.epochs), list(curve.values))
            _mark(canvas, loss, spikes, curve.epochs, curve.values)
    ax.logarithmic(loss, found)
    loss.set_ylabel("loss (nats)")
    accuracy.set(ylabel="accuracy", ylim=(-0.02, 1.02))
    ax.percent(accuracy.yaxis)
    accuracy.grid(axis="y", linewidth=0.8)
    for panel in (loss, accuracy):
        ax.epochs(panel, view, label=panel is accuracy)
        ax.phases(panel, view, over, 0.0125 if panel is loss else None)
    ax.legend(loss)
    return _learning_facts(view, over, spikes if "train" in view.parts else None)


def _mark(canvas: FigureCanvas, axes: Any, spikes: list[int], x: np.ndarray, y: np.ndarray) -> None:
    if spikes:
        at = np.isin(x, spikes)
        axes.plot(
            x[at],
            1.6 * y[at],
            "v",
            color=canvas.colour["ink"],
            markersize=4.5,
            linestyle="none",
            label="slingshot",
        )


def _learning_facts(view: RunView, over: OverTraining, spikes: list[int] | None) -> str:
    grokked, phases = view.grokking_epoch, over.phases
    words = [
        f"Grokked at epoch {grokked:,} (dotted line)."
        if grokked is not None
        else "Test accuracy never stayed at 99 %: this run did not grok."
    ]
    if spikes is None:
        words = ["Which pairs were trained on is unknown, so losses are over all pairs."]
    if phases.circuit_formation is not None and phases.cleanup is not None:
        words.append(
            f"By the rule on the excluded loss, {CIRCUIT_FORMATION} begins at epoch "
            f"{phases.circuit_formation:,} and {CLEANUP} at epoch {phases.cleanup:,}."
        )
    if spikes is not None:
        words.append(f"{len(spikes) or 'No'} slingshot{'s' * (len(spikes) != 1)} among the logged epochs.")
    return " ".join(words)


@TRAINING.figure(
    "progress_measures",
    "Restricted and excluded loss",
    "The restricted loss falls as the waves of the final key frequencies come to suffice; the excluded "
    "loss, what train pairs lose without them, rises as memory gives way to the circuit. Both move before "
    "the test loss.",
    4.2,
    rank=20,
    needs=("progress",),
    keys=True,
    blocks=True,
)
def progress_measures(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """The curves over epochs."""
    panel, x, drawn = canvas.panel(), over.progress_epochs, [np.log([view.n])]
    for name, meaning, label, style in LOSS_CURVES:
        values = over.progress(name)
        if not values.size or (name == "group_loss" and "train" in view.parts):
            continue
        panel.plot(
            x, np.maximum(values, ax.SMALLEST), color=canvas.colour[meaning], label=label, linestyle=style
        )
        drawn.append(values)
    ax.guide(panel, float(np.log(view.n)), f"a guess, ln {view.n}", below=True)
    ax.logarithmic(panel, drawn)
    panel.set_ylabel("loss (nats)")
    ax.epochs(panel, view)
    ax.phases(panel, view, over)
    ax.legend_below(panel, 2)
    return _progress_measures_facts(over)


def _progress_measures_facts(over: OverTraining) -> str:
    restricted, excluded = over.progress("restricted_loss"), over.progress("excluded_loss")
    words = f"At the last checkpoint the restricted loss is {restricted[-1]:.2g} nats"
    return words + (f" and the excluded loss {excluded[-1]:.2g} nats." if excluded.size else ".")


@TRAINING.figure(
    "excluded_by_frequency",
    "Excluded loss by frequency",
    "The train loss of the network with one key frequency taken out of its logits: each curve rises when "
    "the answers begin to rest on that frequency.",
    4.2,
    rank=30,
    needs=("progress",),
    keys=True,
    split=True,
    blocks=True,
)
def excluded_by_frequency(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """A curve for each key frequency, and one for all at once."""
    panel, x = canvas.panel(), over.progress_epochs
    values = over.progress("excluded_loss_by_frequency")
    for k, style in axes.frequency_styles(view.keys).items():
        one = values[:, view.keys.index(k)]
        panel.plot(x, np.maximum(one, ax.SMALLEST), label=f"without k = {k}", linewidth=1.6, **style)
    together = over.progress("excluded_loss")
    panel.plot(
        x,
        np.maximum(together, ax.SMALLEST),
        color=canvas.colour["other_frequency"],
        linewidth=2.4,
        label="without all of them",
        zorder=1,
    )
    ax.logarithmic(panel, [values, together])
    panel.set_ylabel("loss on train pairs (nats)")
    ax.epochs(panel, view)
    ax.phases(panel, view, over)
    ax.legend_below(panel, 3)
    last = dict(zip(view.keys, values[-1], strict=True))
    worst = max(last, key=lambda k: last[k])
    return (
        f"At the last checkpoint the train pairs miss k = {worst} most: {last[worst]:.2g} nats without "
        f"it, {together[-1]:.2g} without all {len(view.keys)}."
    )


@TRAINING.figure(
    "norms",
    "Norms of the weights",
    "Weight decay pulls on every matrix; what the solution needs holds its norm, what memory needed is "
    "let go during cleanup. Bands are the phases.",
    4.1,
    rank=40,
    needs=("progress",),
    waves=False,
)
def norms(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Two panels: all parameters together, and each of them."""
    whole, each = canvas.panels(1, 2, width_ratios=(1, 1.5))[0]
    x, total = over.progress_epochs, over.progress("weight_norm")
    whole.plot(x, total, color=canvas.colour["ink"])
    whole.set(ylabel="L2 norm", title="all parameters", ylim=(0, 1.05 * np.nanmax(total)))
    names = [name for name in view.run.shape.parameter_shapes() if not name.startswith("ln")]
    for i, name in enumerate(names):
        values = over.progress(f"norm_{name}")
        style = {
            "color": canvas.colour[NORM_COLOURS[i % len(NORM_COLOURS)]],
            "linestyle": axes.DASHES[i // len(NORM_COLOURS)],
        }
        each.plot(x, values, label=name, linewidth=1.5, **style)
    each.set(title="each of them", ylim=(0, None))
    ax.headroom(each, below=False)
    ax.legend_below(each, 4, fontsize=9)
    for panel in (whole, each):
        panel.grid(axis="y", linewidth=0.8)
        ax.epochs(panel, view)
        ax.phases(panel, view, over, None)
    return (
        f"All parameters together: {total[0]:.3g} at epoch {x[0]:,}, at most {np.nanmax(total):.3g}, "
        f"{total[-1]:.3g} at epoch {x[-1]:,}."
    )

"""Losses and accuracies."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.metrics.phases import CIRCUIT_FORMATION, CLEANUP
from grokking.metrics.slingshots import slingshots

NAMES = {"train": "train", "test": "test", "all": "all pairs"}


def draw(canvas: FigureCanvas, scene: Scene) -> str:
    """Two panels over epochs: loss and accuracy."""
    loss, accuracy = canvas.panels(2, 1, sharex=True)[:, 0]
    found = []
    for part in scene.parts:
        meaning = "test" if part == "all" else part
        curve, right = scene.logged(f"{part}_loss", meaning), scene.logged(f"{part}_acc", meaning)
        style = {"color": canvas.colour[meaning], "label": NAMES[part]}
        loss.plot(curve.x, np.maximum(curve.y, ax.SMALLEST), **style)
        accuracy.plot(right.x, right.y, **style)
        found.append(curve.y)
        if part == "train":
            spikes = slingshots(list(curve.x), list(curve.y))
            _mark(canvas, loss, spikes, curve.x, curve.y)
    ax.logarithmic(loss, found)
    loss.set_ylabel("loss (nats)")
    accuracy.set(ylabel="accuracy", ylim=(-0.02, 1.02))
    ax.percent(accuracy.yaxis)
    accuracy.grid(axis="y", linewidth=0.8)
    for panel in (loss, accuracy):
        ax.epochs(panel, scene, label=panel is accuracy)
        ax.phases(panel, scene, 0.0125 if panel is loss else None)
    ax.legend(loss)
    return _facts(scene, spikes if "train" in scene.parts else None)


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


def _facts(scene: Scene, spikes: list[int] | None) -> str:
    grokked, phases = scene.grokking_epoch, scene.phases
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


FIGURE = FigureSpec(
    "learning",
    "training",
    "Losses and accuracies",
    "Train loss falls first; grokking is the late fall of the test loss, long after the train set was "
    "memorised. Bands are phases; a triangle marks a slingshot: a train loss ten "
    "times the level that it had before.",
    draw,
    5.2,
    needs=frozenset({"progress"}),
    waves=False,
)

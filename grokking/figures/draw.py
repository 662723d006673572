"""From a view of a run to the files of one figure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grokking.drawing.style import Style
from grokking.errors import UserError, command
from grokking.figures.block_words import in_blocks, speak_of_blocks
from grokking.figures.canvas import WIDTH, FigureCanvas
from grokking.figures.over_training import OverTraining
from grokking.figures.registry import FigureSpec
from grokking.groups.cyclic import has_discrete_logarithms
from grokking.metrics.registry import METRICS
from grokking.runs.view import RunView
from grokking.storage.atomic_io import write_bytes

NOTE_HEIGHT = 2.0
PER_CENT = re.compile(r"(\d)%")
"""Format strings write no space before the sign."""
NO_KEYS = "no key frequency"
NO_SPLIT = "the split is unknown"
NOT_OF_THIS_NETWORK = "not of this network"
NOT_MEASURED = "not measured"
NO_LOGARITHMS = "no discrete logarithms"
NO_WAVES = "the figure shows waves, which only cyclic groups have"


@dataclass(frozen=True)
class DrawnFigure:
    """A figure that was drawn.

    facts: a sentence with this run's numbers.  files: names by format.  size: inches, as drawn.
    """

    name: str
    facts: str
    files: dict[str, str]
    size: tuple[float, float]


def missing(spec: FigureSpec, view: RunView) -> tuple[str, str] | None:
    """What the figure lacks in this run, in short and as a sentence; None if it can be drawn."""
    if spec.keys and not view.keys and view.block_labels:
        return in_blocks(NO_KEYS), (
            "No block owns 2 % of the neurons of the final model: there is no key block, so there is nothing "
            "to show here."
        )
    if spec.keys and not view.keys:
        return NO_KEYS, (
            "No frequency owns 2 % of the neurons of the final model, as in a network that "
            "has not grokked: there is no key frequency, so there is nothing to show here."
        )
    if spec.split and view.run.split is None:
        return NO_SPLIT, "Which pairs were trained on is unknown, so there is nothing to show here."
    if spec.logarithms and not has_discrete_logarithms(view.run.pair_task.p):
        return NO_LOGARITHMS, (
            f"The modulus is {view.run.pair_task.p}, and only an odd prime has discrete logarithms, "
            "so there is nothing to show here."
        )
    return None


def unmeasured(spec: FigureSpec, view: RunView, over: OverTraining) -> tuple[str, str] | None:
    """As ``missing``, of a figure of measures none of which this run has."""
    values = [over.progress(column) for column in spec.columns]
    if not values or any(np.isfinite(one).any() for one in values):
        return None
    if any(one.size for one in values):
        return NOT_OF_THIS_NETWORK, (
            f"There is nothing to show here: at every checkpoint {spec.columns[0]} is null, since this "
            "network lacks what it measures."
        )
    owner = next((metric for metric in METRICS if spec.columns[0] in metric.columns), None)
    asked = () if owner is None or owner.default else ("--measures", owner.name)
    again = command("measure", view.run.directory.path, *asked)
    return NOT_MEASURED, f"The measures of this run have no {spec.columns[0]}; {again} adds it."


def fits(spec: FigureSpec, view: RunView) -> bool:
    """False for a figure about waves where the operation has no group with such: it is left out."""
    return not spec.waves or (view.group is not None and (spec.blocks or view.group.is_cyclic))


def why_left_out(spec: FigureSpec, view: RunView) -> str:
    """Why a figure does not fit the operation, as the end of a sentence."""
    if view.group is None:
        return f"{view.operation.symbol} has no cyclic group and so no waves"
    return f"{view.group.title} is not cyclic, and {spec.why_cyclic or NO_WAVES}"


def worded(spec: FigureSpec, view: RunView) -> tuple[str, str]:
    """The figure's title and how it is read, in the words of the operation's group."""
    if not (spec.waves and view.block_labels):
        return spec.title, spec.reading
    return in_blocks(spec.title), in_blocks(spec.reading)


def draw_figure(spec: FigureSpec, view: RunView, over: OverTraining) -> tuple[FigureCanvas, str]:
    """The canvas with the figure, and the facts. To be called inside ``Style().context()``."""
    lack = missing(spec, view) or unmeasured(spec, view, over)
    if lack is not None:
        return _noted(spec, view, *lack)
    canvas = FigureCanvas(spec, view, spec.height(view) if callable(spec.height) else spec.height)
    try:
        facts = spec.draw(canvas, view, over) if spec.needs else spec.draw(canvas, view)
    except UserError as error:  # it reads what this network has not
        return _noted(spec, view, NOT_OF_THIS_NETWORK, f"There is nothing to show here: {error}.")
    _mark_single_points(canvas)
    if spec.waves and view.block_labels:
        facts = speak_of_blocks(canvas, facts, view.block_labels)
    return canvas, PER_CENT.sub(r"\1 %", facts)


def _noted(spec: FigureSpec, view: RunView, words: str, facts: str) -> tuple[FigureCanvas, str]:
    """The figure's title over some words in the place of what it would show; and the facts."""
    canvas = FigureCanvas(spec, view, NOTE_HEIGHT)
    canvas.note(words)
    if spec.waves and view.block_labels:
        facts = speak_of_blocks(canvas, facts, view.block_labels)
    return canvas, facts


def _mark_single_points(canvas: FigureCanvas) -> None:
    """A line through one point, as of a run with one checkpoint, has no length: it becomes a dot."""
    for axes in canvas.figure.axes:
        for line in axes.lines:
            n_points = np.isfinite(np.array(line.get_ydata(), dtype=float)).sum()
            if n_points == 1 and line.get_marker() == "None":
                line.set(marker="o", markersize=5, clip_on=False)


def write_figure(
    spec: FigureSpec, view: RunView, over: OverTraining, folder: Path, formats: Sequence[str]
) -> DrawnFigure:
    """Draw a figure into ``folder``, one file per format."""
    with Style().context():
        canvas, facts = draw_figure(spec, view, over)
        title, reading = worded(spec, view)
        about = f"{facts} {reading} {view.config_line}"
        pictures = canvas.saved(formats, title, about)
    files = {kind: f"{spec.name}.{kind}" for kind in formats}
    for kind, content in pictures.items():
        write_bytes(folder / files[kind], content)
    return DrawnFigure(spec.name, facts, files, (WIDTH, canvas.height))

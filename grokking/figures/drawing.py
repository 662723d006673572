"""From a scene to the files of one plate."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grokking.drawing.style import Style
from grokking.figures.canvas import WIDTH, FigureCanvas
from grokking.figures.scene import Scene
from grokking.figures.spec import FigureSpec
from grokking.storage.atomic_io import write_bytes

NOTE_HEIGHT = 2.0
PER_CENT = re.compile(r"(\d)%")
"""Format strings write no space before the sign."""
NO_KEYS = "no key frequency"
NO_SPLIT = "the split is unknown"


@dataclass(frozen=True)
class Drawn:
    """A plate that was drawn.

    facts: a sentence with this run's numbers.  files: names by format.  size: inches, as drawn.
    """

    name: str
    facts: str
    files: dict[str, str]
    size: tuple[float, float]


def missing(spec: FigureSpec, scene: Scene) -> tuple[str, str] | None:
    """What the plate lacks in this scene, in short and as a sentence; None if it can be drawn."""
    if spec.keys and not scene.keys:
        return NO_KEYS, (
            "No frequency owns 2 % of the neurons of the final model, as in a network that "
            "has not grokked: there is no key frequency, so there is nothing to show here."
        )
    if spec.split and scene.run.split is None:
        return NO_SPLIT, "Nobody knows which pairs were trained on, so there is nothing to show here."
    return None


def fits(spec: FigureSpec, scene: Scene) -> bool:
    """False for a plate about waves where the operation has no group: it is left out altogether."""
    return scene.group is not None or not spec.waves


def draw_plate(spec: FigureSpec, scene: Scene) -> tuple[FigureCanvas, str]:
    """The sheet with its picture, and the facts. Inside ``Look().context()``."""
    lack = missing(spec, scene)
    if lack is not None:
        canvas = FigureCanvas(spec, scene, NOTE_HEIGHT)
        canvas.note(lack[0])
        return canvas, lack[1]
    canvas = FigureCanvas(spec, scene, spec.height(scene) if callable(spec.height) else spec.height)
    facts = PER_CENT.sub(r"\1 %", spec.draw(canvas, scene))
    _mark_single_points(canvas)
    return canvas, facts


def _mark_single_points(canvas: FigureCanvas) -> None:
    """A line through one point, as of a run with one kept epoch, has no length: it becomes a dot."""
    for axes in canvas.figure.axes:
        for line in axes.lines:
            n_points = np.isfinite(np.array(line.get_ydata(), dtype=float)).sum()
            if n_points == 1 and line.get_marker() == "None":
                line.set(marker="o", markersize=5, clip_on=False)


def write_plate(spec: FigureSpec, scene: Scene, folder: Path, formats: Sequence[str]) -> Drawn:
    """Draw a plate into ``folder``, one file per format."""

    with Style().context():
        canvas, facts = draw_plate(spec, scene)
        about = f"{facts} {spec.reading} {scene.config_line}"
        pictures = canvas.saved(formats, spec.title, about)
    files = {kind: f"{spec.name}.{kind}" for kind in formats}
    for kind, content in pictures.items():
        write_bytes(folder / files[kind], content)
    return Drawn(spec.name, facts, files, (WIDTH, canvas.height))

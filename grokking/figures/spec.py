"""What a figure of the atlas is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grokking.figures.canvas import FigureCanvas
    from grokking.figures.scene import Scene

SECTIONS = {
    "training": "Training",
    "embedding": "Embedding",
    "attention": "Attention",
    "neurons": "Neurons",
    "logits": "Logits",
    "trajectory": "Trajectory",
    "paper": "Figures of Nanda et al. 2023",
}
"""Name to heading, in the order of the page."""


@dataclass(frozen=True)
class FigureSpec:
    """One figure.

    name: of its files and for ``--only``.  reading: a sentence on how to read it.
    draw: draws on a sheet and returns a sentence with the numbers of this run.
    height: inches, at the sheet's width of 8, or how many for a scene.
    needs: parts of ``overtime.PARTS`` it shows.
    at_epoch: it shows one epoch, not the whole run.  waves: it is about waves, so it needs an
    operation with a cyclic group.  keys: it needs key frequencies.  split: it needs to know which
    pairs were trained on.
    """

    name: str
    section: str
    title: str
    reading: str
    draw: "Callable[[FigureCanvas, Scene], str]"
    height: "float | Callable[[Scene], float]"
    needs: frozenset[str] = frozenset()
    at_epoch: bool = False
    waves: bool = True
    keys: bool = False
    split: bool = False

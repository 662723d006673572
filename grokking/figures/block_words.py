"""Figures about frequencies in the words of a group that is not cyclic: a frequency is a block there.

Figures write numbers of frequencies on their axes and in their sentences. Here the numbers become the labels
of blocks, and the words those of blocks; the figure itself is drawn by one function for all groups.
"""

import re
from collections.abc import Sequence
from typing import Any

from matplotlib.text import Text

from grokking.figures.canvas import FigureCanvas

NUMBERED = re.compile(r"\bk = (\d+)")
NUMBERS = re.compile(r"^\d+(, \d+)*$")
WORDS = (
    ("waves of one frequency around the group", "one block of functions on the group"),
    (
        "waves in the numbers: a head that attends by frequency",
        "blocks: a head that attends by representation",
    ),
    ("how well one sine of the answer", "how well one block of functions of the answer"),
    ("best sine", "best block"),
    ("How sinusoidal the neurons are", "How much of a neuron one block explains"),
    ("the size of the logits' waves by their frequency", "the size of the logits' parts by their block"),
    ("Functions of a + b or a − b lie", "Functions of the product lie"),
    ("the size of its waves by their frequency", "the size of its parts by their block"),
    ("as waves over the classes", "by block, over the classes"),
    ("the waves of the final key frequencies", "the final key blocks"),
    ("waves of one frequency", "one block"),
    ("A cosine and a sine for each key frequency are", "The functions of the key blocks are"),
    ("stripes along which a and b have that answer", "pairs that have that answer"),
    ("frequency k", "block"),
    ("frequencies", "blocks"),
    ("Frequencies", "Blocks"),
    ("frequency", "block"),
    ("of block k ", "of a block "),
    ("at (k, k)", "on the diagonal"),
    ("at k and nowhere", "there and nowhere"),
)
"""Words of figures about waves, and what they are for blocks; the longer ones first."""
OF_PAIRS = "frequency in a"
NUMBERING = (OF_PAIRS, "frequency k", "frequency in b", "frequency of c", "frequency k, in a and in b")
"""Labels of the axes along which frequencies are numbered."""
MOST_TICKS = 12
LETTERS = 105
"""That fit side by side under a panel as wide as the figure."""


def in_blocks(words: str, labels: Sequence[str] = ()) -> str:
    """The same sentence about blocks; labels: of all blocks by number, for what says ``k = 3``."""
    for wave, block in WORDS:
        words = words.replace(wave, block)
    return NUMBERED.sub(lambda found: labels[int(found[1])], words) if labels else words


def speak_of_blocks(canvas: FigureCanvas, facts: str, labels: Sequence[str]) -> str:
    """Turn what a drawn figure says of frequencies into what it is for blocks; returns the facts, too."""
    for axes in canvas.figure.axes:
        of_pairs = axes.get_xlabel() == OF_PAIRS  # a map over a and b, whose other axis may have no label
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_label_text() in NUMBERING or of_pairs:
                _name_ticks(axes, axis, labels, upright=of_pairs and axis is axes.xaxis)
            elif any(NUMBERED.search(text.get_text()) for text in axis.get_ticklabels()):
                ticks = [in_blocks(text.get_text(), labels) for text in axis.get_ticklabels()]
                axis.set_ticks(axis.get_ticklocs(), ticks)
    for text in canvas.figure.findobj(Text):
        words = str(text.get_text())
        named = NUMBERS.match(words) and text.get_color() == canvas.colour["key_frequency"]
        text.set_text(_listed(words, labels) if named else in_blocks(words, labels))
    return in_blocks(facts, labels)


def _listed(numbers: str, labels: Sequence[str]) -> str:
    return ", ".join(labels[int(number)] for number in numbers.split(", "))


def _name_ticks(axes: Any, axis: Any, labels: Sequence[str], upright: bool) -> None:
    """Labels of blocks in the places of their numbers, at most ``MOST_TICKS`` of them."""
    low, high = sorted(axes.get_xlim() if axis is axes.xaxis else axes.get_ylim())
    shown = [k for k in range(len(labels)) if low <= k <= high]
    shown = shown[:: -(-len(shown) // MOST_TICKS)]
    beside = axis is axes.xaxis and not upright
    upright = upright or (beside and _crowded(axes, [labels[k] for k in shown]))
    names = [labels[k].replace(" ⊗ ", "\n⊗ ") if beside and not upright else labels[k] for k in shown]
    axis.set_ticks(shown, names, fontsize=8, rotation=90 if upright else 0)


def _crowded(axes: Any, names: Sequence[str]) -> bool:
    """Whether names side by side, in two lines where they are products, would touch each other."""
    letters = max((len(part) for name in names for part in name.split(" ⊗ ")), default=0) + 1
    return letters * len(names) > LETTERS // axes.get_subplotspec().get_gridspec().ncols

"""Words that must fit a given width: wrapped by what they measure, not by how many letters they have."""

import re
from collections.abc import Iterator, Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

LINE = 1.25
"""Height of a line of text over its font size."""
APART = 4.0
"""Points left between neighbouring labels."""
LABEL = 10.0
"""Font size of the labels of categories, in points."""


def text_width(text: str, size: float) -> float:
    """Width in points of one line in the font of the current style at ``size`` points."""
    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=size), False)
    return float(width)


def wrapped(text: str, width: float, size: float) -> str:
    """``text`` on lines no wider than ``width`` points, broken after spaces and commas.

    A word that is wider by itself is broken where the width ends: cut off it would say less.
    """
    return "\n".join(line for given in text.split("\n") for line in _lines(given, width, size))


def _lines(text: str, width: float, size: float) -> Iterator[str]:
    line = ""
    for word in _words(text):
        for part in _parts(word, width, size):
            if line and text_width((line + part).rstrip(), size) > width:
                yield line.rstrip()
                line = part.lstrip()
            else:
                line += part
    yield line.rstrip()


def _words(text: str) -> list[str]:
    """Each with the space or comma after which a line may end."""
    return re.split(r"(?<=[ ,])", text)


def _parts(word: str, width: float, size: float) -> Iterator[str]:
    while len(word) > 1 and text_width(word.rstrip(), size) > width:
        fits = [n for n in range(1, len(word)) if text_width(word[:n], size) <= width]
        end = max(fits, default=1)
        yield word[:end]
        word = word[end:]
    yield word


FEW_DECADES = 2.5


def label_log_epochs(axis: Axis, low: float, high: float) -> None:
    """Whole numbers on a logarithmic axis from ``low`` to ``high``: 1, 2, 5, 10 …, or decades if long."""
    short = high < low * 10**FEW_DECADES
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if short else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda epoch, _: f"{epoch:,.0f}"))
    axis.set_minor_formatter(NullFormatter())


def label_categories(ax: Axes, at: Sequence[float], labels: Sequence[str], room: float) -> None:
    """Ticks with names: side by side if they fit, else wrapped, else upright.

    room: points from one tick to the next.
    """
    ax.set_xticks(
        at,
        labels if upright(labels, room) else [wrapped(x, room - APART, LABEL) for x in labels],
        fontsize=LABEL,
        rotation=90 if upright(labels, room) else 0,
    )


def upright(labels: Sequence[str], room: float) -> bool:
    """Whether some word is wider than the room for its label, so that wrapping does not help."""
    words = [word.strip() for label in labels for word in _words(label)]
    return len(labels) > 1 and max(text_width(word, LABEL) for word in words) > room - APART

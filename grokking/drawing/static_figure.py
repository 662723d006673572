"""Still figures: an empty one in the common style, words that fit a width, files that appear whole."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.storage.atomic_io import folder_for, write_bytes

matplotlib.use("Agg")


DOTS_PER_INCH = 150


@contextmanager
def figure_for(
    output: Path, rows: int, columns: int, size: tuple[float, float], **options: Any
) -> Iterator[tuple[Figure, np.ndarray]]:
    """A figure of ``size`` inches with its axes [rows, columns], written when the block ends.

    Raises UserError where it cannot be written.
    """
    with folder_for(output.parent), Style().context():
        figure, axes = plt.subplots(
            rows, columns, squeeze=False, figsize=size, layout="constrained", **options
        )
        try:
            yield figure, axes
            save_figure(figure, output)
        finally:
            plt.close(figure)


def require_picture(output: Path) -> None:
    """Raises UserError for a folder and for a suffix of no picture format: before the work, not after."""
    kinds = sorted(FigureCanvasBase.filetypes)
    if output.is_dir() or (output.suffix and output.suffix[1:].lower() not in kinds):
        what = "a folder" if output.is_dir() else "not a picture"
        raise UserError(
            f"{output} is {what}; accepted: a file that ends in {', '.join(f'.{kind}' for kind in kinds)}"
        )


def save_figure(figure: Figure, output: Path, dpi: int = DOTS_PER_INCH, **options: Any) -> Path:
    """Write a figure in the format of the file's suffix (PNG if it has none), whole or not at all.

    options: of matplotlib's ``savefig``. Raises UserError for a suffix of no picture format, and if the
    file cannot be written.
    """
    picture = io.BytesIO()
    try:
        figure.savefig(picture, dpi=dpi, format=output.suffix[1:] or "png", **options)
    except ValueError as error:
        raise UserError(f"cannot write {output}: {error}") from error
    write_bytes(output, picture.getvalue())
    return output


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

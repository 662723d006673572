"""Still figures: an empty one in the common style, and writing one to a file, whole or not at all."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.figure import Figure

from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.storage.atomic_io import folder_for, write_bytes

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

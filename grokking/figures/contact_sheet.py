"""The contact sheet: one picture with small copies of all figures of a run."""

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from grokking.drawing.style import Style
from grokking.figures.draw import DrawnFigure
from grokking.storage.atomic_io import write_bytes

CONTACT_SHEET = "contact_sheet.png"
COLUMNS, WIDTH, GAP = 4, 520, 12
"""Pictures side by side, their width and the space between them in pixels."""
N_COLOURS = 256


def write_contact_sheet(folder: Path, drawn: Sequence[DrawnFigure]) -> Path:
    """Put the PNGs of a folder on one picture, each under the shortest column; returns its path."""
    places, heights = [], [GAP] * COLUMNS
    for one in drawn:
        column = heights.index(min(heights))
        picture = _small(folder / one.files["png"])
        places.append((picture, (GAP + column * (WIDTH + GAP), heights[column])))
        heights[column] += picture.height + GAP
    canvas = Image.new("RGB", (GAP + COLUMNS * (WIDTH + GAP), max(heights)), Style().colour["faint"])
    for picture, place in places:
        canvas.paste(picture, place)
    file = io.BytesIO()
    # By octree: a median cut spends its colours on maps and gives green lines to blue ones.
    small = canvas.quantize(N_COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    small.save(file, "PNG", optimize=True)
    write_bytes(folder / CONTACT_SHEET, file.getvalue())
    return folder / CONTACT_SHEET


def _small(path: Path) -> Image.Image:
    with Image.open(path) as picture:
        height = round(picture.height * WIDTH / picture.width)
        return picture.convert("RGB").resize((WIDTH, height), Image.Resampling.LANCZOS)

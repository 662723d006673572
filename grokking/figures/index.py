"""``index.html`` with all figures and their captions, and one contact sheet of small copies.

``figures.json`` in the same folder remembers the captions, so that a figure drawn alone later joins the
others.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.figures.canvas import PNG_DPI
from grokking.figures.draw import DrawnFigure, worded
from grokking.figures.registry import FigureSpec, figures, sections
from grokking.metrics.early_warning import memorisation_epoch
from grokking.runs.view import RunView
from grokking.storage.atomic_io import read_json, write_bytes, write_json

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


INDEX, RECORD = "index.html", "figures.json"
DrawnRecord = Mapping[str, Any]


def write_index(
    folder: Path, view: RunView, drawn: Sequence[DrawnFigure], left_out: Mapping[str, Sequence[str]]
) -> Path:
    """Write the page of a folder, older figures of the same run and epoch included; returns its path.

    left_out: figures that cannot be drawn, by the reason.
    """
    about = {
        "run": view.run.name,
        "config": view.run.config.as_dict(),
        "operation": view.name,
        "epoch": view.epoch,
        "last_epoch": view.run.final_epoch,
    }
    records = _earlier(folder, about) | {one.name: asdict(one) for one in drawn}
    write_json(folder / RECORD, {**about, "figures": records})
    write_bytes(folder / INDEX, page(view, records, left_out).encode())
    return folder / INDEX


def _earlier(folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Captions of figures that were drawn earlier of the same run and epoch and are still there."""
    try:
        record = read_json(folder / RECORD) if (folder / RECORD).exists() else None
    except UserError:
        return {}
    if not isinstance(record, dict) or any(record.get(name) != value for name, value in about.items()):
        return {}
    found = record.get("figures")
    known = {spec.name for spec in figures()}
    return {
        name: one
        for name, one in (found if isinstance(found, dict) else {}).items()
        if name in known and all((folder / file).exists() for file in one["files"].values())
    }


def page(
    view: RunView, records: Mapping[str, DrawnRecord], left_out: Mapping[str, Sequence[str]] | None = None
) -> str:
    """The page. records: ``DrawnFigure`` as dictionaries, by name."""
    present = [spec for spec in figures() if spec.name in records]
    found = [
        {
            "name": section.name,
            "heading": section.heading,
            "figures": [
                _caption(spec, view, records[spec.name]) for spec in present if spec.section == section
            ],
        }
        for section in sections()
        if any(spec.section == section for spec in present)
    ]
    # Escaped always: names of runs and captions are text, never HTML.
    templates = Environment(
        loader=PackageLoader("grokking.figures"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return templates.get_template(INDEX).render(
        run=view.run.name,
        config=view.config_line.replace("    ", " · "),
        epoch=f"{view.epoch:,}",
        last_epoch=f"{view.run.final_epoch:,}",
        summary=summary(view),
        symbol=view.operation.symbol,
        colour=Style().colour,
        sections=found,
        left_out=left_out or {},
    )


def summary(view: RunView) -> list[tuple[str, str]]:
    """A run in a few lines, each a name and a value in words: its turns and its last row of the history."""
    history = view.run.history
    turns = {
        "memorised": memorisation_epoch(history, view.name if view.suffix else None),
        "grokked": view.grokking_epoch,
    }
    rows = [(name, "never" if epoch is None else f"epoch {epoch:,}") for name, epoch in turns.items()]
    for part in ("train", "test", "all"):
        acc, loss = (history.get(f"{part}_{name}{view.suffix}") for name in ("acc", "loss"))
        if acc and loss and None not in (acc[-1], loss[-1]):
            rows.append((f"{part} pairs at the end", f"accuracy {acc[-1]:.3f}, loss {loss[-1]:.3g} nats"))
    if view.group is not None:
        words = "key blocks" if view.block_labels else "key frequencies"
        keys = ", ".join(map(str, view.names_of(view.keys)))
        rows.append((f"{words} of the final model", keys or "none"))
    return rows


def _caption(spec: FigureSpec, view: RunView, record: DrawnRecord) -> dict[str, Any]:
    """What the template says of one figure."""
    title, reading = worded(spec, view)
    width, height = (round(PNG_DPI * inches) for inches in record["size"])
    return {
        "name": spec.name,
        "title": title,
        "reading": reading,
        "at_epoch": spec.at_epoch,
        "facts": record["facts"],
        "files": record["files"],
        "picture": record["files"].get("png") or next(iter(record["files"].values())),
        "width": width,
        "height": height,
    }

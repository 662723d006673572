"""The canvas of a figure: one width, a title and the run in words above, one style."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from grokking.drawing.style import Style
from grokking.figures.registry import FigureSpec
from grokking.runs.view import RunView

WIDTH = 8.0
"""Inches as drawn. On a text column of 5.5 inches its 10 point text is 7 point."""
TITLE, CONFIG, GAP = 0.24, 0.2, 0.12
"""Inches down to the title's and to the config's base line, and from there to the axes."""
MARGIN = 0.08
PNG_DPI = 160
HASH_SALT = "grokking"
"""With this, names inside an SVG file do not change from one drawing to the next."""


class FigureCanvas:
    """A figure with its header. To be made and drawn on inside ``Style().context()``."""

    def __init__(self, spec: FigureSpec, view: RunView, height: float) -> None:
        self.colour = Style().colour
        self.height = height
        self.figure = Figure(figsize=(WIDTH, self.height))
        FigureCanvasAgg(self.figure)
        head = (TITLE + CONFIG + GAP) / self.height
        self.figure.set_layout_engine(
            "constrained", rect=(0, 0, 1, 1 - head), w_pad=MARGIN, h_pad=MARGIN, wspace=0.03, hspace=0.03
        )
        self._write_header(spec, view)

    def _write_header(self, spec: FigureSpec, view: RunView) -> None:
        text, inch = self.figure.text, 1 / self.height
        left, right = MARGIN / WIDTH, 1 - MARGIN / WIDTH
        title = text(left, 1 - TITLE * inch, spec.title, fontsize=13, fontweight="bold")
        config = text(
            left, 1 - (TITLE + CONFIG) * inch, view.config_line, fontsize=9.5, color=self.colour["muted"]
        )
        when = f"epoch {view.epoch:,}" if spec.at_epoch else ""
        epoch = text(right, 1 - TITLE * inch, when, fontsize=11, fontweight="bold", ha="right")
        for words, room in ((title, 1 - 0.2 * bool(when)), (config, 1.0)):
            self._shrink(words, room * (WIDTH - 2 * MARGIN))
        for words in (title, config, epoch):
            words.set_in_layout(False)

    def _shrink(self, text: Any, inches: float) -> None:
        wide = text.get_window_extent().width / self.figure.dpi
        if wide > inches:
            text.set_fontsize(text.get_fontsize() * inches / wide)

    def panels(self, rows: int = 1, columns: int = 1, **options: Any) -> Any:
        """Axes [rows, columns], always an array of two dimensions."""
        return self.figure.subplots(rows, columns, squeeze=False, **options)

    def panel(self) -> Any:
        """One pair of axes."""
        return self.panels()[0, 0]

    def note(self, words: str) -> None:
        """A sentence in the place of a figure, where there is nothing to draw."""
        axes = self.panel()
        axes.set_axis_off()
        axes.text(
            0.5,
            0.5,
            words,
            ha="center",
            va="center",
            color=self.colour["muted"],
            fontsize=12,
            linespacing=1.6,
            transform=axes.transAxes,
        )

    def saved(self, formats: Sequence[str], title: str, about: str) -> dict[str, bytes]:
        """The figure in each format ("png", "svg", "pdf"), the same bytes every time."""
        with matplotlib.rc_context({"svg.hashsalt": HASH_SALT, "svg.fonttype": "path"}):
            return {kind: self._save(kind, title, about) for kind in formats}

    def _save(self, kind: str, title: str, about: str) -> bytes:
        metadata = {
            "png": {"Title": title, "Description": about, "Software": None},
            "svg": {"Title": title, "Description": about, "Date": None, "Creator": None},
            "pdf": {
                "Title": title,
                "Subject": about,
                "CreationDate": None,
                "Producer": None,
                "Creator": None,
            },
        }
        file = io.BytesIO()
        self.figure.savefig(file, format=kind, dpi=PNG_DPI, metadata=metadata[kind])
        return file.getvalue()

"""A figure that is built once and then only updated: what makes a film fast to draw.

Everything that stays (axes, titles, captions) is drawn a single time into a background; a frame is
that background with the moving artists on top. A frame depends on its number alone, never on the
frames drawn before it, so processes may share a film in any way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from grokking.drawing.style import Style

LEFT, RIGHT = 0.045, 0.965
TITLE_AT, CONFIG_AT, CAPTION_AT = 0.94, 0.9, 0.018
TITLE, PHASE, SMALL = 20.0, 15.0, 11.6
"""Font sizes in points. At the design size a point is 100/72 pixels, so small text has 16 pixels."""
TITLE_ENDS, PHASE_AT = 0.545, 0.785
"""Right ends of the title, left of the longest phase, and of the phase's words, left of the widest epoch."""
TITLE_LIFT, WORD_GAP = 7, 12
"""Points from a panel up to its title line, and between coloured words on that line."""


@dataclass(frozen=True)
class FigureText:
    """What a figure says around its panels.

    config: the run in words.  caption: how to read the figure, at most two lines.
    right_note: words at the right end of the config's line, in the colour of key frequencies.
    """

    title: str
    config: str
    caption: str
    right_note: str = ""


class AnimatedFigure:
    """A canvas of exact pixels with title, epoch and caption; subclasses add panels.

    A subclass builds in ``__init__``, inside ``with style.context():``, passes what moves to
    ``moving`` and overrides ``update``.
    """

    def __init__(self, style: Style, head: FigureText) -> None:
        self.style, self.colour = style, style.colour
        width, height = style.size
        # A hair more than whole pixels: the canvas rounds down.
        self.figure = Figure(figsize=((width + 0.01) / style.dpi, (height + 0.01) / style.dpi), dpi=style.dpi)
        self.canvas = FigureCanvasAgg(self.figure)
        self._moving: list[Any] = []
        self._background: Any = None
        self._titles: dict[Any, Any] = {}
        text = self.figure.text
        title = text(LEFT, TITLE_AT, head.title, fontsize=TITLE, fontweight="bold")
        self.shrink(title, (TITLE_ENDS - LEFT) * width)
        bold: dict[str, Any] = {"ha": "right", "fontweight": "bold"}
        keys: dict[str, Any] = {"fontsize": SMALL, "color": self.colour["key_frequency"], **bold}
        self._fit_between(
            text(LEFT, CONFIG_AT, head.config, fontsize=SMALL, color=self.colour["muted"]),
            text(RIGHT, CONFIG_AT, head.right_note, **keys),
        )
        text(LEFT, CAPTION_AT, head.caption, fontsize=SMALL, color=self.colour["muted"], linespacing=1.3)
        self._epoch = self.moving(text(RIGHT, TITLE_AT, "", fontsize=TITLE, **bold))
        self._phase = self.moving(
            text(PHASE_AT, TITLE_AT, "", fontsize=PHASE, color=self.colour["test"], **bold)
        )

    def _fit_between(self, left: Any, right: Any) -> None:
        """Make two texts of one line smaller until they leave a gap between them."""
        renderer = self.canvas.get_renderer()
        room = (RIGHT - LEFT) * self.style.size[0] - 0.02 * self.style.size[0]
        wanted = sum(text.get_window_extent(renderer).width for text in (left, right))
        for text in (left, right):
            self.shrink(text, text.get_window_extent(renderer).width * min(1.0, room / max(wanted, 1)))

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        raise NotImplementedError

    def rgb(self, number: int) -> np.ndarray:
        """Frame ``number`` as uint8 [height, width, 3]."""
        with self.style.context():
            if self._background is None:
                self.canvas.draw()
                self._background = self.canvas.copy_from_bbox(self.figure.bbox)
            self.canvas.restore_region(self._background)
            self.update(number)
            for artist in self._moving:
                self.figure.draw_artist(artist)
        # Three times faster than copying three of four columns.
        return np.asarray(Image.fromarray(np.asarray(self.canvas.buffer_rgba())).convert("RGB"))

    def moving(self, artist: Any) -> Any:
        """Keep an artist out of the background; it is drawn in every frame, in the order of these calls."""
        artist.set_animated(True)
        self._moving.append(artist)
        return artist

    def show_epoch(self, epoch: int, phase: str = "") -> None:
        """Write the epoch of the frame, and the phase that it lies in, into its corner."""
        self._epoch.set_text(f"epoch {epoch:,}")
        self._phase.set_text(phase)

    def panel(self, left: float, bottom: float, width: float, height: float, title: str = "") -> Any:
        """Axes at a place in fractions of the figure, with a title over its left end."""
        axes = self.figure.add_axes((left, bottom, width, height))
        self._titles[axes] = self.over(axes, title, fontweight="bold")
        axes.tick_params(labelsize=SMALL)
        for axis in (axes.xaxis, axes.yaxis):
            axis.label.set_fontsize(SMALL)
        return axes

    def over(self, axes: Any, text: str, x: float = 0.0, **style: Any) -> Any:
        """Text on the title line of a panel, x in fractions of its width."""
        style = {"fontsize": SMALL, "color": self.colour["ink"], **style}
        return axes.annotate(
            text, (x, 1), (0, TITLE_LIFT), xycoords="axes fraction", textcoords="offset points", **style
        )

    def shrink(self, text: Any, width: float) -> None:
        """Make a text smaller where it is wider than ``width`` pixels."""
        wide = text.get_window_extent(self.canvas.get_renderer()).width
        if wide > width:
            text.set_fontsize(text.get_fontsize() * width / wide)

    def room_beside_title(self, axes: Any) -> float:
        """Pixels from a gap after a panel's title to the panel's right end."""
        title = self._titles[axes].get_window_extent(self.canvas.get_renderer())
        return float(axes.get_window_extent().x1 - title.x1 - WORD_GAP * self.style.dpi / 72)

    def legend_words(self, axes: Any, words: Sequence[tuple[str, str]]) -> None:
        """A legend without boxes: (word, colour) pairs at the right end of the title line.

        They become smaller where they would run into the panel's title.
        """
        renderer = self.canvas.get_renderer()
        points = 72 / self.style.dpi
        written = [
            self.over(axes, word, x=1, ha="right", color=colour, fontsize=SMALL, fontweight="bold")
            for word, colour in words
        ]
        widths = [text.get_window_extent(renderer).width * points for text in written]
        room = self.room_beside_title(axes) * points
        scale = min(1.0, (room - WORD_GAP * (len(words) - 1)) / sum(widths))
        shift = 0.0
        for text, width in zip(reversed(written), reversed(widths), strict=True):
            text.set_fontsize(SMALL * scale)
            text.xyann = (-shift, TITLE_LIFT)
            shift += width * scale + WORD_GAP

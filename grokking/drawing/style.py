"""The style of everything drawn: colours by meaning, matplotlib's settings, a cyclic map for residues.

``palette.json`` is the only place where a colour is written down; the interactive page reads it too.
"""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context, rc_params_from_file, rcParams, rcParamsDefault
from matplotlib.colors import LinearSegmentedColormap, to_rgb

from grokking.errors import UserError

HERE = Path(__file__).parent
PALETTE = HERE / "palette.json"
STYLE_SHEET = HERE / "film.mplstyle"
THEMES = ("light", "dark")
VIEWS = ("unfolded", "source")
DESIGN = (1280, 720)
"""Pixels for which text sizes and positions were chosen; larger films are scaled from there."""
SMALLEST, LARGEST = 320, 7680
MAX_RATIO = 2.5
"""Width over height; below 1 the panels would be too narrow for their titles."""


@lru_cache
def palette() -> dict[str, Any]:
    """The content of ``palette.json``."""
    content: dict[str, Any] = json.loads(PALETTE.read_text(encoding="utf-8"))
    return content


def residue_colours(phase: np.ndarray) -> np.ndarray:
    """Colours of phases in turns (float [m], 1 is a full turn, taken mod 1): rgb float64 [m, 3]."""
    colours = np.array([to_rgb(c) for c in palette()["residues"]])
    at = np.asarray(phase) % 1.0 * len(colours)
    low = np.floor(at).astype(int)
    share = (at - low)[:, None]
    return (1 - share) * colours[low % len(colours)] + share * colours[(low + 1) % len(colours)]


def parse_size(text: str) -> tuple[int, int]:
    """``"1280x720"`` to (width, height) in pixels.

    Raises UserError for anything but two even numbers in a shape that the layout fits into.
    """
    parts = text.lower().split("x")
    accepted = (
        f"WIDTHxHEIGHT in even pixels from {SMALLEST} to {LARGEST}, width 1 to {MAX_RATIO:g} "
        "times the height, such as 1280x720"
    )
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        raise UserError(f"size is {text!r}; accepted: {accepted}")
    width, height = int(parts[0]), int(parts[1])
    fits = height >= SMALLEST and width <= LARGEST and height <= width <= MAX_RATIO * height
    if width % 2 or height % 2 or not fits:
        raise UserError(f"size is {text}; accepted: {accepted}")
    return width, height


@dataclass(frozen=True)
class Style:
    """Size and theme of a picture, whatever it shows. size: (width, height) in pixels."""

    size: tuple[int, int] = DESIGN
    theme: str = "light"

    @property
    def dpi(self) -> float:
        """Pixels per inch: 100 at the design size. No side is ever shorter, in inches, than there."""
        return 100 * min(self.size[0] / DESIGN[0], self.size[1] / DESIGN[1])

    @property
    def colour(self) -> Mapping[str, str]:
        """Colours by meaning, as ``#RRGGBB``."""
        colours: dict[str, str] = palette()[self.theme]
        return colours

    @property
    def diverging(self) -> LinearSegmentedColormap:
        """Blue below zero, vermillion above; the background in between."""
        steps = [self.colour[name] for name in ("mean", "train", "background", "sine", "test")]
        return LinearSegmentedColormap.from_list("grokking_diverging", steps)

    def context(self) -> AbstractContextManager[Any]:
        """The settings and colours for the block; the earlier settings return after it."""
        return rc_context(_settings(self.theme))

    def use(self) -> None:
        """Make these settings those of the session from now on, as a notebook wants them."""
        rcParams.update(_settings(self.theme))


@lru_cache
def _settings(theme: str) -> dict[str, Any]:
    """Every setting that changes a figure, so that a person's own settings change none."""
    c = palette()[theme]
    style_sheet = dict(rc_params_from_file(STYLE_SHEET, use_default_template=False))
    edges = dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), c["other_frequency"])
    labels = dict.fromkeys(("axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"), c["muted"])
    paper = dict.fromkeys(("figure.facecolor", "axes.facecolor"), c["background"])
    ours = {**style_sheet, **edges, **labels, **paper, "text.color": c["ink"], "grid.color": c["faint"]}
    shown = (
        "font.",
        "text.",
        "axes.",
        "xtick.",
        "ytick.",
        "lines.",
        "patch.",
        "path.",
        "agg.",
        "grid.",
        "figure.",
        "scatter.",
        "markers.",
        "mathtext.",
        "image.",
    )
    defaults = {name: value for name, value in rcParamsDefault.items() if name.startswith(shown)}
    return {**defaults, **ours}

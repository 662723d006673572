"""Colours of figures: of meanings, of key frequencies, of values on a map."""

from collections.abc import Sequence
from typing import Any

from matplotlib.colors import LinearSegmentedColormap

from grokking.drawing.style import Style

FREQUENCY_COLOURS = ("mean", "test", "samples", "key_frequency", "sine", "train", "null", "ink")

DASHES = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))


def colour_of(meaning: str) -> str:
    """A colour of the palette."""
    return Style().colour[meaning]


def frequency_styles(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Colour and dashes per key frequency, different for up to 32 of them."""
    colours = [colour_of(name) for name in FREQUENCY_COLOURS]
    return {
        k: {"color": colours[i % len(colours)], "linestyle": DASHES[i // len(colours) % len(DASHES)]}
        for i, k in enumerate(sorted(keys))
    }


def sequential() -> LinearSegmentedColormap:
    """From the background through the palette's blue to ink: darker is more."""
    steps = [
        (0, colour_of("background")),
        (0.18, colour_of("train")),
        (0.6, colour_of("mean")),
        (1, colour_of("ink")),
    ]
    return LinearSegmentedColormap.from_list("grokking_sequential", steps)


def diverging() -> LinearSegmentedColormap:
    """Blue below zero, vermillion above; the background in between."""
    steps = ["mean", "train", "background", "sine", "test"]
    return LinearSegmentedColormap.from_list("grokking_diverging", [colour_of(name) for name in steps])

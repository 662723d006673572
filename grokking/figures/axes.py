"""What several plates draw alike: epochs with their phases, heat maps, bars by frequency."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, Normalize, PowerNorm
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from grokking.drawing.panels import mark_epochs
from grokking.drawing.style import Style, residue_colours
from grokking.figures.canvas import FigureCanvas
from grokking.figures.scene import Scene

SMALLEST = 1e-30
"""What a loss of zero is drawn as on a logarithmic axis."""
FREQUENCY_COLOURS = ("mean", "test", "samples", "key_frequency", "sine", "train", "null", "ink")
ROOM_BELOW = 0.1
"""Decades kept free under the smallest value on a logarithmic axis."""
STRIPE = 0.02
"""Of an axis over epochs: the width of a heat map of one epoch."""
DASHES = ("-", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))


# Epochs


def epochs(axes: Any, scene: Scene, label: bool = True) -> None:
    """An axis over the whole run, with the epoch of grokking as a dotted line."""
    axes.set_xlim(0, max(scene.last_epoch, 1))
    mark_epochs(axes)
    if label:
        axes.set_xlabel("epoch")
    if scene.grokking_epoch is not None:
        axes.axvline(scene.grokking_epoch, color=scene_colour("ink"), linewidth=1, linestyle=(0, (1, 2)))


def phases(axes: Any, scene: Scene, letter: float | None = 0.0125) -> None:
    """The phases as bands behind the curves, named above the axes in their order.

    letter: width of a letter as a share of the axes; None for no names. They shrink until they fit.
    """
    last = max(scene.last_epoch, 1)
    spans = scene.phases.spans(0, last)
    if len(spans) < 2:
        return
    for _, start, end in spans[1::2]:
        axes.axvspan(start, end, color=scene_colour("faint"), alpha=0.6, linewidth=0, zorder=0)
    if letter is None:
        return
    names = [f"{'■' if i % 2 else '□'} {name}" for i, (name, _, _) in enumerate(spans)]
    middles = [(start + end) / 2 / last for _, start, end in spans]
    widths = [letter * len(name) for name in names]
    shrink = min(1.0, 1 / sum(widths))
    places = side_by_side(middles, [shrink * width for width in widths])
    for name, x in zip(names, places, strict=True):
        axes.annotate(
            name,
            (x, 1),
            (0, 4),
            xycoords="axes fraction",
            textcoords="offset points",
            ha="center",
            fontsize=9 * shrink,
            color=scene_colour("muted"),
        )


def side_by_side(middles: Sequence[float], widths: Sequence[float]) -> list[float]:
    """Middles moved as far as words of these widths need to stand apart, between 0 and 1 where they fit."""
    placed: list[float] = []
    edge = 0.0
    for middle, width in zip(middles, widths, strict=True):
        placed.append(max(middle, edge + width / 2))
        edge = placed[-1] + width / 2
    edge = 1.0
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], edge - widths[i] / 2)
        edge = placed[i] - widths[i] / 2
    return placed


def guide(axes: Any, y: float, words: str, below: bool = False) -> None:
    """A dotted level with its meaning at the right end."""
    axes.axhline(y, color=scene_colour("null"), linewidth=1, linestyle=(0, (1, 2)))
    paper = {"facecolor": scene_colour("background"), "alpha": 0.8, "edgecolor": "none", "pad": 1}
    axes.annotate(
        words,
        (1, y),
        (-2, -4 if below else 4),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="top" if below else "bottom",
        fontsize=9,
        color=scene_colour("null"),
        bbox=paper,
    )


def logarithmic(axes: Any, values: Sequence[np.ndarray]) -> None:
    """A logarithmic axis in whole decades around the finite values, at most 24 of them."""
    finite = np.concatenate([np.ravel(v)[np.isfinite(np.ravel(v))] for v in values] or [np.ones(1)])
    finite = finite[finite > 0]
    low, high = (np.log10(finite.min()), np.log10(finite.max())) if len(finite) else (-1.0, 0.0)
    axes.set_yscale("log")
    bottom = np.floor(low - ROOM_BELOW)  # or a curve that settles on a whole decade lies on the frame
    axes.set_ylim(10.0 ** max(bottom, np.floor(high) - 23), 10.0 ** (np.floor(high) + 1))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", linewidth=0.8)


def headroom(axes: Any, below: bool = True, share: float = 0.06) -> None:
    """Space between the drawn values and the frame, above and, for curves, below."""
    low, high = axes.get_ylim()
    axes.set_ylim(low - below * share * (high - low), high + share * (high - low))


def percent(axis: Any, most: int = 5) -> None:
    """Shares of one, written as per cent."""
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g} %"))


def legend(axes: Any, **options: Any) -> None:
    """A legend on a sheet of paper, without a frame."""
    axes.legend(
        **{
            "frameon": True,
            "framealpha": 0.85,
            "facecolor": scene_colour("background"),
            "edgecolor": "none",
            "fontsize": 9.5,
            "handlelength": 1.8,
            "borderaxespad": 0.3,
            **options,
        }
    )


def legend_below(axes: Any, ncols: int, **options: Any) -> None:
    """A legend under the axis' label, where no curve runs."""
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.2), "ncols": ncols, "columnspacing": 1.2}
    legend(axes, **{**below, **options})


# Colours


def scene_colour(meaning: str) -> str:
    """A colour of the palette."""
    return Style().colour[meaning]


def frequency_styles(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Colour and dashes per key frequency, different for up to 32 of them."""
    colours = [scene_colour(name) for name in FREQUENCY_COLOURS]
    return {
        k: {"color": colours[i % len(colours)], "linestyle": DASHES[i // len(colours) % len(DASHES)]}
        for i, k in enumerate(sorted(keys))
    }


def sequential() -> LinearSegmentedColormap:
    """From the paper through the palette's blue to ink: darker is more."""
    steps = [
        (0, scene_colour("background")),
        (0.18, scene_colour("train")),
        (0.6, scene_colour("mean")),
        (1, scene_colour("ink")),
    ]
    return LinearSegmentedColormap.from_list("grokking_sequential", steps)


def diverging() -> LinearSegmentedColormap:
    """Blue below zero, vermillion above; the paper in between."""
    steps = ["mean", "train", "background", "sine", "test"]
    return LinearSegmentedColormap.from_list("grokking_diverging", [scene_colour(name) for name in steps])


def cyclic(phase: np.ndarray) -> np.ndarray:
    """Colours of phases in turns."""
    return residue_colours(phase)


# Panels


def heat(
    canvas: FigureCanvas,
    axes: Any,
    values: np.ndarray,
    label: str,
    *,
    centred: bool = False,
    gamma: float = 1.0,
    limit: float | None = None,
    bar: bool = True,
    **options: Any,
) -> Any:
    """A heat map of values [rows, columns], first row at the bottom.

    centred: colours around zero.  gamma: below 1, small values show.  limit: the end of the scale.
    """
    top = limit if limit is not None else float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    norm: Normalize = Normalize(-top, top) if centred else PowerNorm(gamma, 0, top)
    norm = options.pop("norm", norm)
    image = axes.imshow(
        values,
        origin="lower",
        norm=norm,
        interpolation="none",
        aspect="auto",
        cmap=diverging() if centred else sequential(),
        **options,
    )
    if bar:
        colour_bar(canvas, image, axes, label)
    whole_ticks(axes)
    return image


def colour_bar(canvas: FigureCanvas, image: Any, axes: Any, label: str, **options: Any) -> Any:
    """A thin scale beside axes."""
    bar = canvas.figure.colorbar(image, ax=axes, **{"aspect": 26, "pad": 0.02, "fraction": 0.06, **options})
    bar.outline.set_linewidth(0.5)
    bar.set_label(label, fontsize=10)
    bar.ax.tick_params(labelsize=9)
    return bar


def whole_ticks(axes: Any, most: int = 5) -> None:
    """Few whole numbers on both axes."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(most, integer=True))


def over_epochs(
    canvas: FigureCanvas,
    axes: Any,
    when: Sequence[int],
    values: np.ndarray,
    edges: np.ndarray,
    label: str,
    gamma: float = 0.5,
    top: float | None = None,
) -> Any:
    """A heat map of values [E, m] over epochs that need not be evenly spaced; edges: float [m + 1].

    top: the end of the scale, by default the largest value.  One epoch alone is a stripe before it.
    """
    x = np.array(when, dtype=float)
    sides = np.concatenate([x[:1], (x[1:] + x[:-1]) / 2, x[-1:]])
    if len(x) == 1:
        sides[0] -= STRIPE * max(x[0], 1.0)
    norm = PowerNorm(gamma, 0, top or float(np.nanmax(values, initial=0.0)) or 1.0)
    mesh = axes.pcolormesh(
        sides, edges, values.T, norm=norm, cmap=sequential(), rasterized=True, shading="flat"
    )
    colour_bar(canvas, mesh, axes, label)
    return mesh


def frequency_bars(axes: Any, values: np.ndarray, keys: Sequence[int] | None, label: bool = True) -> None:
    """Bars over k = 1 …, those of key frequencies in their colour and named; None to speak of none."""
    if keys is not None and not keys:
        axes.annotate(
            "no key frequency",
            (1, 1),
            (-2, -2),
            xycoords="axes fraction",
            ha="right",
            va="top",
            textcoords="offset points",
            fontsize=10,
            color=scene_colour("muted"),
        )
    keys = keys or ()
    k = np.arange(1, len(values) + 1)
    colours = [scene_colour("key_frequency" if i in keys else "other_frequency") for i in k]
    axes.bar(k, values, width=0.75, color=colours, linewidth=0)
    axes.set_xlim(0.2, len(values) + 0.8)
    axes.margins(y=0.12)
    axes.grid(axis="y", linewidth=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    if label:
        axes.set_xlabel("frequency k")
    for at, words in named(keys, values):
        axes.annotate(
            words,
            (at, values[at - 1]),
            (0, 2),
            textcoords="offset points",
            ha="center",
            fontsize=9,
            color=scene_colour("key_frequency"),
            fontweight="bold",
        )


def named(keys: Sequence[int], values: np.ndarray) -> list[tuple[int, str]]:
    """Where to write the key frequencies' names: neighbours in one place, at the highest of them."""
    near = len(values) / 22
    groups: list[list[int]] = []
    for k in sorted(keys):
        if groups and k - groups[-1][-1] < near:
            groups[-1].append(k)
        else:
            groups.append([k])
    return [(max(group, key=lambda k: values[k - 1]), ", ".join(map(str, group))) for group in groups]


def mark_keys(axes: Any, keys: Sequence[int]) -> None:
    """Ticks at the key frequencies on the right of a map whose vertical axis is k."""
    for k in keys:
        axes.annotate(
            "◂",
            (1, k),
            xycoords=("axes fraction", "data"),
            ha="left",
            va="center",
            fontsize=8,
            color=scene_colour("key_frequency"),
            annotation_clip=False,
        )


def listed(values: Sequence[Any], last: str = "and") -> str:
    """Words in a row: ``14, 35 and 41``."""
    words = [str(value) for value in values]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "none"

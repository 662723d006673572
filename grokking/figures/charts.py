"""Charts that several figures show: heat maps, and bars by frequency."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import Normalize, PowerNorm
from matplotlib.ticker import MaxNLocator

from grokking.figures.axes import colour_of, diverging, sequential, whole_ticks
from grokking.figures.canvas import FigureCanvas

STRIPE = 0.02
"""Of an axis over epochs: the width of a heat map of one epoch."""


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
    """A thin colour scale next to axes."""
    bar = canvas.figure.colorbar(image, ax=axes, **{"aspect": 26, "pad": 0.02, "fraction": 0.06, **options})
    bar.outline.set_linewidth(0.5)
    bar.set_label(label, fontsize=10)
    bar.ax.tick_params(labelsize=9)
    return bar


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
    """Bars over k = 1 …, those of key frequencies in their colour and named; None to name none."""
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
            color=colour_of("muted"),
        )
    keys = keys or ()
    k = np.arange(1, len(values) + 1)
    colours = [colour_of("key_frequency" if i in keys else "other_frequency") for i in k]
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
            color=colour_of("key_frequency"),
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
            color=colour_of("key_frequency"),
            annotation_clip=False,
        )

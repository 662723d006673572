"""The panels of an audit's page; each draws from the evidence of its checks."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.text import Text

from grokking.drawing.style import Style

MOST_TICKS = 8
WORDS_WIDE = 48
"""Letters in a line of a panel of words."""
BEYOND = 10.0
"""Where a bar ends whose upper quantile no move reaches."""
PARTS = {"": "all pairs", "_train": "train", "_test": "held out"}
Record = dict[str, Any]


def accuracies(ax: Axes, checks: Record, style: Style) -> None:
    """Bars: the network whole, with its key frequencies alone, and without them."""
    evidence = checks["sufficient"]["evidence"]
    kinds = [kind for kind in ("full", "only keys", "without keys") if kind in evidence]
    parts = [part for part in ("_train", "_test") if part in evidence["full"]] or [""]
    colour = {"": "mean", "_train": "train", "_test": "test"}
    width = 0.8 / len(parts)
    for i, part in enumerate(parts):
        values = [evidence[kind][part].get("accuracy", np.nan) for kind in kinds]
        at = np.arange(len(kinds)) + (i - (len(parts) - 1) / 2) * width
        bars = ax.bar(at, values, width * 0.92, color=style.colour[colour[part]], label=PARTS[part])
        ax.bar_label(bars, fmt="%.3g", fontsize=9, padding=1)
    ax.set_xticks(range(len(kinds)), kinds)
    ax.set(xlim=(-0.5, 2.5), ylim=(0, 1.18), ylabel="accuracy", title="Do the key frequencies answer?")
    ax.set_yticks(np.linspace(0, 1, 5))
    if len(kinds) == 1:
        ax.text(
            1.5,
            0.5,
            "no key frequency:\nnothing to keep or to remove",
            ha="center",
            color=style.colour["muted"],
        )
    ax.legend(frameon=False, fontsize=9, loc="upper right", ncols=2, bbox_to_anchor=(1, 1.02))


def neurons(ax: Axes, checks: Record, style: Style) -> None:
    """Histogram of the neurons' shares in their own frequency; markers for the heads."""
    check = checks["neurons"]
    shares = np.array(check["evidence"]["own share of each neuron"])
    ax.hist(shares[shares > 0], bins=np.linspace(0, 1, 41).tolist(), color=style.colour["key_frequency"])
    for value, name in ((check["null"], "null"), (check["threshold"], "threshold")):
        if value is not None:
            dashes = "--" if name == "null" else ":"
            ax.axvline(value, color=style.colour["null"], linestyle=dashes, linewidth=1.2)
            ax.text(
                value,
                0.99,
                f" {name}",
                transform=ax.get_xaxis_transform(),
                va="top",
                fontsize=9,
                color=style.colour["null"],
            )
    heads = checks["heads"]["evidence"]["attention to a: own share"]
    ax.plot(
        heads,
        np.full(len(heads), 0.06),
        "v",
        transform=ax.get_xaxis_transform(),
        markersize=9,
        color=style.colour["mean"],
        markeredgecolor=style.colour["background"],
        label="attention heads",
    )
    ax.legend(frameon=False, fontsize=9, loc="upper center")
    ax.set_ylim(top=1.15 * ax.get_ylim()[1])  # room for names of lines above the highest bar
    ax.set(
        xlim=(0, 1),
        xlabel="share of the variance in its own frequency",
        ylabel="neurons",
        title="Does each part keep to one frequency?",
    )


def cross_talk(ax: Axes, check: Record, style: Style) -> None:
    """Rows: silenced groups. Columns: where the logits change."""
    keys = check["evidence"]["silenced"]
    ax.set(title="Ablate one group: which frequency of the logits changes?")
    if not keys:
        _empty(ax, "no key frequency, no group to ablate", style)
        return
    rows = np.array(check["evidence"]["share of the change by frequency"])
    shown = rows[:, np.array(keys) - 1]
    cells = np.column_stack([shown, np.maximum(rows.sum(axis=1) - shown.sum(axis=1), 0)])
    ax.imshow(cells, cmap=_map(style, "key_frequency"), vmin=0, vmax=1, aspect="auto")
    for (i, j), share in np.ndenumerate(cells):
        ax.text(
            j,
            i,
            f"{share:.3f}",
            ha="center",
            va="center",
            fontsize=9,
            color=style.colour["background" if share > 0.5 else "ink"],
        )
    ax.set_xticks(range(len(keys) + 1), [*map(str, keys), "others"])
    sizes = check["evidence"]["neurons"]
    ax.set_yticks(range(len(keys)), [f"{k} ({n})" for k, n in zip(keys, sizes, strict=True)])
    ax.set(xlabel="frequency of the logits", ylabel="silenced (neurons)")


def spectrum(ax: Axes, audited: Record, style: Style) -> None:
    """Energy of the logits over frequency pairs, on a log scale."""
    energy = np.array(audited["logit_spectrum"])
    energy[0, 0] = 0.0
    share = energy / max(energy.sum(), np.finfo(float).tiny)
    image = ax.imshow(
        np.log10(np.maximum(share, 1e-6)), cmap=_map(style, "key_frequency"), vmin=-6, vmax=0, origin="lower"
    )
    ax.figure.colorbar(image, ax=ax, label="log₁₀ share of the energy", shrink=0.9)
    on = audited["logit_diagonal_share"]
    ax.set(
        xlabel="frequency along b",
        ylabel="frequency along a",
        title=f"Logits, 2-D DFT: {'none' if on is None else f'{on:.3f}'} of the energy at (k, k)",
    )


def slopes(ax: Axes, checks: Record, style: Style) -> None:
    """First derivatives of the loss along Fourier components and random directions."""
    for name, marker in (("W_E", "o"), ("W_U", "^")):
        evidence = checks[f"slopes of {name}"]["evidence"]
        for wanted, colour in ((True, "key_frequency"), (False, "other_frequency")):
            found = [d for d in evidence["along frequencies"] if d["key"] is wanted]
            ax.plot(
                [d["frequency"] for d in found],
                [abs(d["first"]) for d in found],
                marker,
                linestyle="",
                color=style.colour[colour],
                label=f"{name}, {'key' if wanted else 'other'} frequency",
            )
        random = [abs(d["first"]) for d in evidence["along random directions"]]
        ax.axhline(
            float(np.median(random)),
            color=style.colour["null"],
            linewidth=1,
            linestyle="-" if name == "W_E" else "--",
            label=f"{name}, random (median)",
        )
    if ax.dataLim.y1 > 0:
        ax.set_yscale("log")
        ax.margins(y=0.25)
    ax.margins(x=0.05)
    ax.set(
        xlabel="frequency k",
        ylabel="|D_v L|  (nats per unit of L2)",
        title="How steep is the loss along each component?",
    )
    ax.legend(frameon=False, fontsize=8, ncols=2)


def robustness(ax: Axes, check: Record, style: Style) -> None:
    """Smallest flips found, per search and checkpoint, over the distance to the nearest token."""
    ax.set(title="How far must an embedding move to flip an answer?")
    searches = check["evidence"].get("searches", [])
    if not searches:
        _empty(ax, "no right answer to flip", style)
        return
    names = list(dict.fromkeys(search["search"] for search in searches))
    for shift, who, colour in ((-0.12, "memorised", "test"), (0.12, "audited", "key_frequency")):
        for search in (s for s in searches if s["checkpoint"] == who):
            low, _, middle, _, high = search["over the distance to the nearest token"]
            at, top = names.index(search["search"]) + shift, BEYOND if high is None else high
            ends = [top if low is None else low, top]
            ax.plot([at, at], ends, color=style.colour[colour], linewidth=4, alpha=0.45)
            if middle is not None:
                ax.plot(at, middle, "o", color=style.colour[colour], markersize=8)
        epochs = {s["epoch"] for s in searches if s["checkpoint"] == who}
        if epochs:
            ax.plot([], [], "o", color=style.colour[colour], label=f"{who}, epoch {epochs.pop()}")
    ax.axhline(1, color=style.colour["null"], linestyle="--", linewidth=1.2)
    ax.text(
        0.01,
        1,
        "the nearest other token",
        transform=ax.get_yaxis_transform(),
        va="bottom",
        fontsize=9,
        color=style.colour["null"],
    )
    ax.set_xticks(range(len(names)), [name.replace(" ", "\n") for name in names])
    ax.margins(y=0.08)
    ax.set(xlim=(-0.5, len(names) - 0.5), yscale="log", ylabel="L2 length, median and 10 – 90 %")
    ax.legend(frameon=False, fontsize=9, loc="lower right")


def speak_of_blocks(figure: Figure, labels: Sequence[str]) -> None:
    """Turn what the panels say of frequencies into what it is for blocks.

    labels: of all blocks by number; they take the places of numbers on axes that number blocks.
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_label_text().startswith(("frequency", "silenced")):
                _name_ticks(axes, axis, labels)
    for text in figure.findobj(Text):
        words = text.get_text().replace("frequencies", "blocks").replace("frequency", "block")
        text.set_text(
            words.replace("at (k, k)", "in equal blocks").replace("2-D DFT", "by blocks").removesuffix(" k")
        )


def _name_ticks(axes: Axes, axis: Axis, labels: Sequence[str]) -> None:
    """Labels at the ticks that are numbers of blocks, followed by whatever else the tick says."""
    labels = [label.replace(" ⊗ ", "\n⊗ ") for label in labels]
    written = [text.get_text() for text in axis.get_ticklabels()]
    if any(" (" in words or words == "others" for words in written):
        parts = [words.split(" ", 1) for words in written]
        names = [" ".join([labels[int(n)], *rest]) if n.isdigit() else n for n, *rest in parts]
        axis.set_ticks(axis.get_ticklocs(), names)
        return
    ends = sorted(axes.get_xlim() if axis is axes.xaxis else axes.get_ylim())
    shown = [k for k in range(len(labels)) if ends[0] <= k <= ends[1]]
    shown = shown[:: -(-len(shown) // MOST_TICKS)]
    axis.set_ticks(shown, [labels[k] for k in shown], fontsize=8)


def unasked(ax: Axes, words: str, style: Style) -> None:
    """What the audit does not ask of this network, and why."""
    ax.set_title("What is not asked")
    _empty(ax, textwrap.fill(words, WORDS_WIDE), style)


def _empty(ax: Axes, words: str, style: Style) -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", color=style.colour["muted"])


def _map(style: Style, meaning: str) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list(meaning, [style.colour["background"], style.colour[meaning]])

"""Figures of the section ``attention``: what the last position attends to."""

from typing import Any

import numpy as np

from grokking.figures import axes as ax
from grokking.figures import charts
from grokking.figures.canvas import FigureCanvas
from grokking.figures.registry import Section
from grokking.metrics.attention import pattern_shares, value_shares
from grokking.runs.view import RunView

ATTENTION = Section("attention", "Attention", rank=30)
MOST_HEADS = 6
OPERANDS = ("a", "b")
POSITIONS = (
    ("first operand a", "mean"),
    ("second operand b", "sine"),
    ("operator", "other_frequency"),
)


@ATTENTION.figure(
    "attention_patterns",
    "Attention over all pairs",
    "A point is a pair; darker means that the last position attends more to that operand. Stripes are waves "
    "in the numbers: a head that attends by frequency, not by size.",
    4.4,
    rank=10,
    at_epoch=True,
    waves=False,
)
def attention_patterns(canvas: FigureCanvas, view: RunView) -> str:
    """Rows: attention to a and to b; a column per head."""
    pattern = view.attention.numpy()
    heads = range(min(pattern.shape[2], MOST_HEADS))
    grid = canvas.panels(2, len(heads), sharex=True, sharey=True)
    for row, position in enumerate(OPERANDS):
        for head in heads:
            panel = grid[row, head]
            image = charts.heat(canvas, panel, pattern[:, :, head, row].T, "", limit=1.0, bar=False)
            panel.set_title(f"head {head} to {position}", fontsize=10)
            panel.set_aspect("equal")
            panel.tick_params(labelsize=8.5)
        grid[row, 0].set_ylabel(view.index_label("b"))
    for panel in grid[1]:
        panel.set_xlabel(view.index_label("a"))
    charts.colour_bar(canvas, image, list(grid.flat), "attention", fraction=0.02, aspect=30)
    rest = pattern.shape[2] - len(heads)
    change = pattern[..., 0].std(axis=(0, 1))
    return (
        "Standard deviation over pairs of the attention to a: "
        + ", ".join(f"head {h} {change[h]:.2f}" for h in heads)
        + "."
        + f" {rest} more heads are not shown." * bool(rest)
    )


@ATTENTION.figure(
    "attention_average",
    "Average attention",
    "Bars are means over all pairs; the line where the bars of a and b meet shows the standard deviation "
    "over pairs of the attention to a.",
    2.9,
    rank=20,
    at_epoch=True,
    waves=False,
)
def attention_average(canvas: FigureCanvas, view: RunView) -> str:
    """Stacked bars per head, with the spread over pairs."""
    pattern = view.attention.double().numpy()
    mean, spread = pattern.mean(axis=(0, 1)), pattern.std(axis=(0, 1))
    panel, heads, left = canvas.panel(), np.arange(pattern.shape[2]), np.zeros(pattern.shape[2])
    for i, (name, meaning) in enumerate(POSITIONS):
        panel.barh(heads, mean[:, i], left=left, height=0.62, color=canvas.colour[meaning], label=name)
        left += mean[:, i]
    # The spread of what goes to a, at its end, is that of the place where the bars meet.
    panel.errorbar(
        mean[:, 0],
        heads,
        xerr=spread[:, 0],
        fmt="none",
        ecolor=canvas.colour["ink"],
        capsize=3,
        elinewidth=1.2,
    )
    panel.set(
        xlim=(0, 1),
        xlabel="average attention of the last position",
        yticks=heads,
        yticklabels=[f"head {h}" for h in heads],
        ylim=(len(heads) - 0.5, -0.5),
    )
    ax.percent(panel.xaxis)
    ax.legend(panel, ncols=3, loc="lower left", bbox_to_anchor=(0, 1.0))
    return (
        "To a, b and the operator: "
        + "; ".join(f"head {h} " + ", ".join(f"{share:.1%}" for share in mean[h]) for h in heads[:8])
        + "."
    )


@ATTENTION.figure(
    "head_frequencies",
    "The frequency of each head",
    "Above, the share of the variance of a head's attention to a that lies in waves of one frequency in a "
    "and b; below, the spectrum of what the head would write for each number. Triangles: key frequencies.",
    3.8,
    rank=30,
    at_epoch=True,
    blocks=True,
)
def head_frequencies(canvas: FigureCanvas, view: RunView) -> str:
    """Two maps, head by frequency: of the pattern, and of what is written."""
    pattern = pattern_shares(view.attention, basis=view.basis).by_frequency
    values = value_shares(view.acts, view.name, view.basis)
    panels = canvas.panels(2, 1, sharex=True)[:, 0]
    _map(canvas, panels[0], view, pattern, "attention to a")
    _map(canvas, panels[1], view, values, "what is written (W$_E$W$_V$W$_O$)")
    panels[1].set_xlabel("frequency k")
    return (
        "Attention to a: "
        + "; ".join(
            f"head {h}, k = {pattern[:, h].argmax() + 1} ({pattern[:, h].max():.0%})"
            for h in range(min(8, pattern.shape[1]))
        )
        + "."
    )


def _map(canvas: FigureCanvas, panel: Any, view: RunView, shares: np.ndarray, title: str) -> None:
    n_heads = shares.shape[1]
    edges = (0.5, len(shares) + 0.5, -0.5, n_heads - 0.5)
    charts.heat(canvas, panel, shares.T, "share", limit=1.0, extent=edges)
    panel.set_title(title, loc="left", fontsize=10.5, pad=13)
    best = shares.argmax(axis=0)
    names = [f"head {h}: k = {k + 1}, {100 * shares[k, h]:.0f} %" for h, k in enumerate(best)]
    panel.set(yticks=range(n_heads), yticklabels=names, ylim=(n_heads - 0.5, -0.5))
    panel.tick_params(axis="y", labelsize=9)
    for k in view.keys:
        panel.annotate(
            "▾",
            (k, 1),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=9,
            color=canvas.colour["key_frequency"],
        )

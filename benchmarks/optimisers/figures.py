"""Figures of the comparison, drawn from the table of runs and the table of costs alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator

from benchmarks.optimisers.methods import METHODS
from benchmarks.optimisers.outcomes import GROKKED
from benchmarks.optimisers.phases import PHASES, CriticalDecay, phase_of
from benchmarks.optimisers.statistics import Row, of, survival, times
from grokking.drawing.static_figure import figure_for
from grokking.drawing.style import Style

MAP = "tab20"
TICKS = (100, 200, 500, 1000, 2000, 4000, 8000)
"""Epochs, on a logarithmic axis."""
NOT_LINES = 0.6
"""Opacity of single runs."""


def colour_of(method: str) -> Any:
    """One colour for a method in all figures."""
    return mpl.colormaps[MAP](list(METHODS).index(method))


def draw_survival(rows: Sequence[Row], stages: Sequence[str], tasks: Sequence[str], output: Path) -> Path:
    """Share of runs that have not grokked, by epoch: a row per stage, a column per task."""
    size = (2.6 + 4.2 * len(tasks), 0.8 + 3.2 * len(stages))
    with figure_for(output, len(stages), len(tasks), size, sharex=True, sharey=True) as (figure, axes):
        for line, stage in zip(axes, stages, strict=True):
            for ax, task in zip(line, tasks, strict=True):
                _survival_panel(ax, of(rows, stage=stage, task=task), f"{task}, {stage} configuration")
        for ax in axes[-1]:
            ax.set_xlabel("epoch")
        for line in axes:
            line[0].set_ylabel("share not grokked yet")
        _legend(figure, max(axes.flat, key=lambda ax: len(ax.lines)))
        figure.suptitle("Runs that have not grokked yet (Kaplan–Meier)", fontsize=10)
    return output


def _legend(figure: Figure, ax: Axes) -> None:
    """The methods, with the marks that one of the axes draws them with, beside all axes."""
    figure.legend(*ax.get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=8)


def _survival_panel(ax: Axes, rows: Sequence[Row], title: str) -> None:
    for method in METHODS:
        some = of(rows, method=method)
        if some:
            at, left = survival(some)
            ax.step(at, left, where="post", color=colour_of(method), label=method, lw=1.5)
    n = sorted({len(of(rows, method=method)) for method in METHODS} - {0})
    ax.set_title(
        f"{title}, n = {' – '.join(map(str, dict.fromkeys((n[0], n[-1]))))}" if n else title, fontsize=9
    )
    ax.set_ylim(-0.02, 1.02)


def draw_epochs_and_seconds(
    rows: Sequence[Row], costs: Mapping[str, float], stages: Sequence[str], task: str, output: Path
) -> Path:
    """Restricted mean time of a method in epochs, and in AdamW epochs of equal processor time."""
    with figure_for(output, 1, len(stages), (1.2 + 4.6 * len(stages), 4.4), sharey=True) as (figure, axes):
        for ax, stage in zip(axes[0], stages, strict=True):
            for method in METHODS:
                some = of(rows, stage=stage, task=task, method=method)
                if some and method in costs:
                    mean = times(some).mean()
                    ax.plot([mean], [mean * costs[method]], "o", color=colour_of(method), ms=7, label=method)
            ax.set_title(f"{task}, {stage} configuration", fontsize=9)
            ax.set_xlabel("mean time to grok, epochs (budget where it did not)")
            for axis, scaled in ((ax.xaxis, ax.set_xscale), (ax.yaxis, ax.set_yscale)):
                scaled("log")
                axis.set_minor_locator(NullLocator())
                axis.set_ticks(TICKS, [f"{tick:,}" for tick in TICKS])
            ax.margins(0.12)
            ax.axline((1000, 1000), (2000, 2000), color=Style().colour["faint"], lw=0.8, zorder=0)
        axes[0][0].set_ylabel("the same in processor time, AdamW epochs")
        _legend(figure, axes[0][0])
        figure.suptitle("Epochs against seconds: on the line, an epoch costs what AdamW's does", fontsize=10)
    return output


def draw_sensitivity(rows: Sequence[Row], task: str, output: Path) -> Path:
    """Mean time of every configuration within its last rung, hollow where none grokked, and the default's."""
    tuning = of(rows, stage="tuning", task=task)
    with figure_for(output, 1, 1, (8.0, 4.2)) as (_, axes):
        ax = axes[0][0]
        for at, method in enumerate(METHODS):
            own, colour = of(tuning, method=method), colour_of(method)
            for index in sorted({row["index"] for row in own}):
                seeds = of(own, index=index)
                fill = "full" if of(seeds, state=GROKKED) else "none"
                ax.plot([at], [times(seeds).mean()], "o", color=colour, fillstyle=fill, alpha=NOT_LINES, ms=6)
            default = of(rows, stage="default", task=task, method=method)
            if default:
                ax.plot([at + 0.25], [times(default).mean()], "_", color=Style().colour["ink"], ms=12)
        ax.margins(0.05)
        ax.set_xticks(range(len(METHODS)), list(METHODS), rotation=40, ha="right", fontsize=8)
        ax.set_ylabel("mean time to grok, epochs\n(end of the rung where it did not)")
        ax.set_title(
            f"{task}: configurations tried (hollow: none of three seeds grokked by the end of their rung),\n"
            "and the default with its budget of 4,000 epochs (bars)",
            fontsize=10,
        )
    return output


def draw_circuits(rows: Sequence[Row], task: str, output: Path) -> Path:
    """Number of key frequencies and weight norm of runs that grokked, against their grokking epoch."""
    grokked = [row for row in of(rows, task=task, state=GROKKED) if row["stage"] in ("default", "chosen")]
    with figure_for(output, 1, 2, (10.0, 4.2)) as (figure, axes):
        for method in METHODS:
            some = of(grokked, method=method)
            keys = [len(str(row["key_frequencies"]).split()) for row in some]
            for ax, values in zip(axes[0], (keys, [row["weight_norm"] for row in some]), strict=True):
                ax.plot(
                    times(some), values, "o", color=colour_of(method), label=method, alpha=NOT_LINES, ms=5
                )
        for ax, name in zip(axes[0], ("key frequencies", "weight norm"), strict=True):
            ax.set(xlabel="grokking epoch", ylabel=name)
            ax.margins(0.05)
        axes[0][0].yaxis.set_major_locator(MaxNLocator(integer=True))
        _legend(figure, axes[0][0])
        figure.suptitle(f"{task}: what runs have learnt when they grok", fontsize=10)
    return output


def draw_phases(rows: Sequence[Row], critical: Sequence[CriticalDecay], output: Path) -> Path:
    """The phase of every run over fraction and decay: a cell is divided among its seeds."""
    across, up = (sorted({row[name] for row in rows}) for name in ("train_frac", "weight_decay"))
    with figure_for(output, 1, 1, (8.4, 5.2)) as (figure, axes):
        ax, colours = (
            axes[0][0],
            dict(zip(PHASES, mpl.colormaps["viridis"]([0.9, 0.6, 0.3, 0.0]), strict=True)),
        )
        for x, fraction in enumerate(across):
            for y, decay in enumerate(up):
                cell = of(rows, train_frac=fraction, weight_decay=decay)
                for i, row in enumerate(cell):
                    face = colours[phase_of(row)]
                    at = (x - 0.45 + 0.9 * i / len(cell), y - 0.45)
                    ax.add_patch(Rectangle(at, 0.9 / len(cell), 0.9, facecolor=face, lw=0))
        for one in critical:
            height = np.interp(one.value, up, range(len(up)))
            ax.plot([across.index(one.fraction)], [height], "D", color="white", mec="black", ms=6)
        ax.set_xticks(range(len(across)), [f"{f:g}" for f in across])
        ax.set_yticks(range(len(up)), [f"{d:g}" for d in up])
        ax.set(xlim=(-0.5, len(across) - 0.5), ylim=(-0.5, len(up) - 0.5))
        ax.set(xlabel="fraction of pairs trained on", ylabel="weight decay")
        figure.legend(
            handles=[Rectangle((0, 0), 1, 1, facecolor=colours[p], label=p) for p in PHASES],
            loc="outside right upper",
            frameon=False,
            fontsize=8,
        )
        ax.set_title("Phase of every run; diamond: critical decay of a fraction", fontsize=10)
    return output

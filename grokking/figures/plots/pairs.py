"""Figures of the section ``logits``: the answers to single pairs."""

from typing import Any

import numpy as np
import torch
from matplotlib.colors import Normalize

from grokking.figures import axes as ax
from grokking.figures import charts
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import CORRECT, OverTraining
from grokking.figures.plots.logits import LOGITS
from grokking.metrics.losses import learnt_since, margins
from grokking.runs.view import RunView

LOWEST_LOSS = 1e-12


def correct_logits(view: RunView) -> tuple[np.ndarray, np.ndarray]:
    """Logit of the right answer less the mean over answers, float64, and its row, of every pair."""
    task = view.run.pair_task
    logits = view.acts.outputs.logits[torch.from_numpy(view.rows)][:, : task.p].double()
    right = logits.gather(1, torch.from_numpy(task.answers[view.rows])[:, None])[:, 0]
    return (right - logits.mean(dim=1)).cpu().numpy(), view.rows


def on_square(view: RunView, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values of pairs as a square over the operands: in group order, else over residues; NaN if absent."""
    task = view.run.pair_task
    of_row = np.full(len(task.tokens), np.nan)
    of_row[rows] = values
    if view.group is not None:
        return of_row[view.grid.rows].reshape(view.n, view.n)
    square = np.full((task.p, task.p), np.nan)
    a, b = task.operands[view.rows].T
    square[a, b] = of_row[view.rows]
    return square


@LOGITS.figure(
    "correct_logit",
    "The correct logit over all pairs",
    "The logit of the right answer, less the mean over all answers. A circuit answers all pairs alike; "
    "memory knows some and not others, and its train and test pairs part.",
    3.7,
    rank=40,
    at_epoch=True,
    waves=False,
)
def correct_logit(canvas: FigureCanvas, view: RunView) -> str:
    """A map over the operands, and a histogram by part."""
    values, rows = correct_logits(view)
    square, panel = canvas.panels(1, 2, width_ratios=(1, 1.1))[0]
    low, high = float(values.min()), float(values.max())
    if low < 0 < high and -low > 0.05 * high:
        scale: dict[str, Any] = {"centred": True, "limit": max(abs(low), abs(high))}
    else:  # a circuit's differ little: the colours span what there is
        scale = {"norm": Normalize(low, high if high > low else low + 1)}
    charts.heat(canvas, square, on_square(view, values, rows).T, "correct logit (nats)", **scale)
    square.set(xlabel=view.index_label("a"), ylabel=view.index_label("b"), aspect="equal")
    bins = np.linspace(low, high if high > low else low + 1, 41)
    for part, members in view.parts.items():
        meaning = "test" if part == "all" else part
        panel.hist(
            values[np.isin(rows, members)],
            bins,
            density=True,
            histtype="step",
            linewidth=1.6,
            color=canvas.colour[meaning],
            label="all pairs" if part == "all" else f"{part} pairs",
        )
    panel.set(xlabel="correct logit (nats)", ylabel="density")
    ax.headroom(panel, below=False)
    ax.legend(panel)
    return (
        f"Over all pairs: mean {values.mean():.3g}, standard deviation {values.std():.3g}, smallest "
        f"{low:.3g} nats."
    )


@LOGITS.figure(
    "pair_losses",
    "The loss of single pairs",
    "Left, median (line) and the middle 50 % and 90 % of pairs (bands); right, the checkpoint from which "
    "a pair is answered right to the end (grey: never). Speckle is memory; what the circuit learns comes "
    "all over at once.",
    3.5,
    rank=50,
    needs=(
        "pairs",
        "progress",
    ),
    waves=False,
)
def pair_losses(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """Quantiles over epochs, and a map over the operands."""
    fan, square = canvas.panels(1, 2, width_ratios=(1.35, 1))[0]
    found = [_fan(canvas, fan, over, part) for part in view.parts]
    ax.logarithmic(fan, found)
    fan.set_ylabel("loss of a pair (nats)")
    ax.epochs(fan, view)
    ax.phases(fan, view, over, None)
    ax.legend(fan)
    since = learnt_since(over[CORRECT])
    epochs = np.append(np.array(over.epochs, dtype=float), np.nan)
    learnt = epochs[since]
    charts.heat(canvas, square, on_square(view, learnt, view.rows).T, "right from epoch")
    square.set_facecolor(canvas.colour["other_frequency"])  # white is: right from the start
    square.set(xlabel=view.index_label("a"), ylabel=view.index_label("b"), aspect="equal")
    never = int(np.isnan(learnt).sum())
    half = np.median(np.where(np.isnan(learnt), np.inf, learnt))
    when = f"Half of all pairs are right from epoch {half:,.0f} on; " if np.isfinite(half) else ""
    return f"{when}{never:,} of {len(learnt):,} pairs are wrong at the end (grey)."


def _fan(canvas: FigureCanvas, axes: Any, over: OverTraining, part: str) -> np.ndarray:
    quantiles = np.maximum(over[f"loss_quantiles_{part}"], LOWEST_LOSS)
    colour = canvas.colour["test" if part == "all" else part]
    for low, high, alpha in ((0, 4, 0.22), (1, 3, 0.38)):
        axes.fill_between(
            over.epochs, quantiles[:, low], quantiles[:, high], color=colour, alpha=alpha, linewidth=0
        )
    axes.plot(
        over.epochs,
        quantiles[:, 2],
        color=colour,
        linewidth=1.6,
        label="all pairs" if part == "all" else f"{part} pairs",
    )
    return quantiles


@LOGITS.figure(
    "margins",
    "Margins",
    "Right of the line at 0 the answer is right; the further, the surer. Train and test pairs lie "
    "together when one circuit answers both.",
    3.2,
    rank=60,
    at_epoch=True,
    waves=False,
)
def margin_histograms(canvas: FigureCanvas, view: RunView) -> str:
    """Histograms by part."""
    panel, task, words = canvas.panel(), view.run.pair_task, []
    found = {
        part: margins(view.acts.outputs.logits[torch.from_numpy(rows)], task.answers[rows], task.p)
        for part, rows in view.parts.items()
    }
    every = np.concatenate(list(found.values()))
    bins = np.linspace(min(0.0, every.min()), max(every.max(), every.min() + 1e-6, 1e-6), 61)
    for part, values in found.items():
        meaning = "test" if part == "all" else part
        panel.hist(
            values, bins, density=True, histtype="stepfilled", alpha=0.35, color=canvas.colour[meaning]
        )
        panel.hist(
            values,
            bins,
            density=True,
            histtype="step",
            linewidth=1.6,
            color=canvas.colour[meaning],
            label="all pairs" if part == "all" else f"{part} pairs",
        )
        words.append(
            f"{part}: median {np.median(values):.3g}, smallest {values.min():.3g}, "
            f"{(values > 0).mean():.1%} right"
        )
    panel.axvline(0, color=canvas.colour["ink"], linewidth=1)
    panel.set(xlabel="margin: right logit less the best wrong one (nats)", ylabel="density")
    ax.headroom(panel, below=False)
    ax.legend(panel)
    return "; ".join(words) + "."

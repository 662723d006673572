"""Figures of the section ``logits``: what the network says, in parts."""

from typing import Any

import numpy as np
import torch
from matplotlib.colors import Normalize

from grokking.figures import axes as ax
from grokking.figures import charts, colours
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import OverTraining
from grokking.figures.spec import Section
from grokking.metrics.logits import project, wave_coefficients
from grokking.metrics.margins import learnt_since, margins
from grokking.metrics.spectra2d import energy_by_frequencies, logit_spectrum
from grokking.runs.view import RunView

LOGITS = Section("logits", "Logits", rank=50)
LOWEST_LOSS = 1e-12


@LOGITS.figure(
    "logit_spectrum",
    "The 2-D spectrum of the logits",
    "Left, the size of the logits' waves by their frequency in a and in b (0: constant), over all "
    "classes; right, the diagonal. Functions of a + b or a − b lie on the diagonal, so a network that has "
    "grokked shows points at (k, k).",
    3.7,
    rank=10,
    at_epoch=True,
)
def spectrum(canvas: FigureCanvas, view: RunView) -> str:
    """A map of norms, and their diagonal."""
    norms = logit_spectrum(view.acts.logit_grid(view.grid))
    energy = energy_by_frequencies(norms)
    total = max(energy.sum() - energy[0, 0], np.finfo(float).tiny)
    square, bars = canvas.panels(1, 2, width_ratios=(1, 1.15))[0]
    charts.heat(canvas, square, np.sqrt(energy).T, "norm over classes", gamma=0.6)
    square.set(xlabel="frequency in a", ylabel="frequency in b", aspect="equal")
    diagonal = np.diagonal(energy)[1:] / total
    charts.frequency_bars(bars, diagonal, view.keys, label=False)
    bars.set(xlabel="frequency k, in a and in b", ylabel="share of the logits")
    ax.percent(bars.yaxis)
    at_keys = sum(diagonal[k - 1] for k in view.keys)
    where = f", {at_keys:.1%} of it at the key frequencies" if view.keys else ""
    return f"{diagonal.sum():.1%} of the energy, constant left out, lies on the diagonal{where}."


@LOGITS.figure(
    "logit_parts",
    "Full, restricted and excluded logit of one class",
    "The logit of one answer on every pair. The key frequencies alone give the stripes along which a and "
    "b have that answer; what is left without them should be faint.",
    3.5,
    rank=20,
    at_epoch=True,
    keys=True,
)
def logit_parts(canvas: FigureCanvas, view: RunView) -> str:
    """Three maps on one scale."""
    n, at = view.n, view.n // 2
    whole = view.acts.logit_grid(view.grid)[:, :, at].double().cpu().numpy()
    waves = project(view.logits.table, view.keys)[:, at][view.grid.s].reshape(n, n)
    mean = whole.mean()
    panels = canvas.panels(1, 3, sharex=True, sharey=True)[0]
    pictures = {"full": whole - mean, "restricted": waves, "excluded": whole - mean - waves}
    limit = float(np.abs(whole - mean).max()) or 1.0
    for panel, (name, values) in zip(panels, pictures.items(), strict=True):
        image = charts.heat(canvas, panel, values.T, "", centred=True, limit=limit, bar=False)
        panel.set_title(name, fontsize=10.5)
        panel.set(xlabel=view.index_label("a"), aspect="equal")
    panels[0].set_ylabel(view.index_label("b"))
    charts.colour_bar(canvas, image, list(panels), "logit, mean removed (nats)", aspect=18, fraction=0.03)
    spread = {name: values.std() for name, values in pictures.items()}
    return (
        f"Class c = {view.grid.group.members[at]}. Standard deviations over pairs: full "
        f"{spread['full']:.3g}, "
        f"restricted {spread['restricted']:.3g}, excluded {spread['excluded']:.3g} nats."
    )


@LOGITS.figure(
    "logit_waves",
    "Coefficients of cos ω(s − c)",
    "Left, the least-squares coefficient of each frequency's wave in the logits, where s is the right "
    "answer and c the class; right, how they grow over training (grey: other frequencies). Added up they "
    "peak at c = s alone.",
    3.9,
    rank=30,
    needs=(
        "progress",
        "waves",
    ),
    at_epoch=True,
)
def logit_waves(canvas: FigureCanvas, view: RunView, over: OverTraining) -> str:
    """The coefficients at the epoch, and those of the key frequencies over training."""
    now, then = canvas.panels(1, 2, width_ratios=(1, 1.2))[0]
    values = wave_coefficients(view.logits.table)
    charts.frequency_bars(now, values, view.keys)
    now.set_ylabel("α$_k$ (nats)")
    waves = over["waves"]
    others = [k for k in range(1, waves.shape[1] + 1) if k not in view.keys]
    for k in others:
        then.plot(over.epochs, waves[:, k - 1], color=canvas.colour["faint"], linewidth=0.8, zorder=1)
    for k, style in colours.frequency_styles(view.keys).items():
        then.plot(over.epochs, waves[:, k - 1], label=f"k = {k}", linewidth=1.6, **style)
    then.set_ylabel("α$_k$ (nats)")
    then.grid(axis="y", linewidth=0.8)
    ax.headroom(then)
    ax.epochs(then, view)
    ax.phases(then, view, over, None)
    if view.keys:
        ax.legend_below(then, 3)
    fve = view.logits.fve()
    at_keys = fve[np.array(view.keys, dtype=int) - 1].sum()
    kept = f", those of the key frequencies {at_keys:.1%}" if view.keys else "; there is no key frequency"
    return f"The waves of all frequencies explain {fve.sum():.1%} of the variance of the logits{kept}."


def correct_logits(view: RunView) -> tuple[np.ndarray, np.ndarray]:
    """Logit of the right answer less the mean over answers, float64, and its row, of every pair."""
    task = view.run.task
    logits = view.acts.outputs.logits[torch.from_numpy(view.rows)][:, : task.p].double()
    right = logits.gather(1, torch.from_numpy(task.answers[view.rows])[:, None])[:, 0]
    return (right - logits.mean(dim=1)).cpu().numpy(), view.rows


def on_pairs(view: RunView, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Values of pairs as a square over the operands: in group order, else over residues; NaN if absent."""
    task = view.run.task
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
    charts.heat(canvas, square, on_pairs(view, values, rows).T, "correct logit (nats)", **scale)
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
    "Left, median (line) and the middle 50 % and 90 % of pairs (bands); right, the kept epoch from which "
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
    since = learnt_since(over["correct"])
    epochs = np.append(np.array(over.epochs, dtype=float), np.nan)
    learnt = epochs[since]
    charts.heat(canvas, square, on_pairs(view, learnt, view.rows).T, "right from epoch")
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
    panel, task, words = canvas.panel(), view.run.task, []
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

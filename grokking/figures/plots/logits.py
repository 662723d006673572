"""Figures of the section ``logits``: the network's answers as waves."""

import numpy as np

from grokking.figures import axes, charts
from grokking.figures import axes as ax
from grokking.figures.canvas import FigureCanvas
from grokking.figures.over_training import OverTraining
from grokking.figures.registry import Section
from grokking.metrics.logits import project, wave_coefficients
from grokking.metrics.spectra2d import energy_by_frequencies, logit_spectrum
from grokking.runs.view import RunView

LOGITS = Section("logits", "Logits", rank=50)


@LOGITS.figure(
    "logit_spectrum",
    "The 2-D spectrum of the logits",
    "Left, the size of the logits' waves by their frequency in a and in b (0: constant), over all "
    "classes; right, the diagonal. Functions of a + b or a − b lie on the diagonal, so a network that has "
    "grokked shows points at (k, k).",
    3.7,
    rank=10,
    at_epoch=True,
    blocks=True,
)
def spectrum(canvas: FigureCanvas, view: RunView) -> str:
    """A map of norms, and their diagonal."""
    norms = logit_spectrum(view.acts.logit_grid(view.grid), view.basis)
    energy = energy_by_frequencies(norms, view.basis)
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
    blocks=True,
)
def logit_parts(canvas: FigureCanvas, view: RunView) -> str:
    """Three maps on one scale."""
    n, at = view.n, view.n // 2
    whole = view.acts.logit_grid(view.grid)[:, :, at].double().cpu().numpy()
    waves = project(view.logits.table, view.keys, view.basis)[:, at][view.grid.s].reshape(n, n)
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
    why_cyclic="its characters are no cosines; logit_similarity in history.json takes their place",
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
    for k, style in axes.frequency_styles(view.keys).items():
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
    of_keys = f", those of the key frequencies {at_keys:.1%}" if view.keys else "; there is no key frequency"
    return f"The waves of all frequencies explain {fve.sum():.1%} of the variance of the logits{of_keys}."

"""One small figure per formula of ``docs/maths.md``. Everything drawn is measured here and now."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from grokking.config import RunConfig
from grokking.drawing.static_figure import save_figure
from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.figures.maths.formulas import (
    LossSlice,
    contraction,
    decay_without_gradient,
    loss_slice,
    penalty_without_gradient,
)
from grokking.metrics.attention import attention_entropy
from grokking.metrics.spectra2d import diagonal_share, energy_spectrum
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.atomic_io import folder_for

SIZE, DPI = (8.4, 3.2), 100
SMALL = RunConfig(p=23, d_model=32, d_mlp=64)
TEMPERATURES = np.logspace(-1.5, 1.5, 25)
N_DECAY = 1500


def draw_all(run: Run, others: Sequence[Run], output_dir: Path) -> list[Path]:
    """Draw every figure of the page from one run; those that compare runs from ``others``.

    Raises UserError where the run has no cyclic group or a picture cannot be written.
    """
    if all(run.pair_task.group(name) is None for name in run.pair_task.names):
        raise UserError(
            f"the task {run.config.task} has no cyclic group; "
            "these figures are for runs of add, sub, mul or div"
        )
    view = RunView(run)
    view.need_circles()
    with folder_for(output_dir):
        paths = [
            _figure(output_dir / "maths_decay.png", 2, draw_decay),
            _figure(output_dir / "maths_derivative.png", 2, lambda axes: draw_slices(axes, view)),
            _figure(output_dir / "maths_entropy.png", 1, lambda axes: draw_entropy(axes, view)),
            _figure(output_dir / "maths_spectrum.png", 3, lambda axes: draw_spectra(axes, view)),
        ]
        if others:
            options = output_dir / "maths_options.png"
            paths.append(_figure(options, 2, lambda axes: draw_options(axes, others)))
        return paths


def draw_decay(axes: Sequence[Axes]) -> None:
    """Norms without a gradient: AdamW against (1 - ηλ)^t, and Adam with a penalty."""
    colour, steps = Style().colour, np.arange(N_DECAY + 1)
    for decay, meaning in ((0.3, "samples"), (1.0, "mean"), (3.0, "key_frequency")):
        config = RunConfig(**{**SMALL.as_dict(), "weight_decay": decay})
        measured = decay_without_gradient(config, N_DECAY)
        axes[0].plot(steps, measured / measured[0], color=colour[meaning], label=f"λ = {decay:g}")
        predicted = contraction(config, N_DECAY)
        axes[0].plot(steps[::250], predicted[::250], "o", color=colour[meaning], markersize=4)
    axes[0].set(
        xlabel="updates t",
        yscale="log",
        ylabel="norm / first norm",
        title="AdamW, no gradient; dots: (1 − ηλ)ᵗ",
    )
    axes[0].legend(frameon=False, fontsize=9)
    decoupled, coupled = (f(SMALL, N_DECAY) for f in (decay_without_gradient, penalty_without_gradient))
    axes[1].plot(steps, decoupled / decoupled[0], color=colour["mean"], label="decoupled (AdamW)")
    axes[1].plot(steps, coupled / coupled[0], "--", color=colour["test"], label="penalty in the loss (Adam)")
    axes[1].set(xlabel="updates t", title="λ = 1, η = 0.001")
    axes[1].legend(frameon=False, fontsize=9)


def draw_slices(axes: Sequence[Axes], view: RunView) -> None:
    """The loss along unit directions of W_E, with its tangent and parabola, for a key and at random."""
    for ax, found in zip(axes, loss_slice(view), strict=True):
        _draw_slice(ax, found)
    axes[0].set_ylabel("train loss (nats)")
    axes[0].legend(frameon=False, fontsize=9)


def _draw_slice(ax: Axes, found: LossSlice) -> None:
    colour, at = Style().colour, found.at
    d = found.derivatives
    ax.plot(at, found.loss, color=colour["key_frequency" if found.key else "other_frequency"], label="loss")
    ax.plot(at, d.value + d.first * at, ":", color=colour["null"], label="first derivative")
    ax.plot(at, d.value + d.first * at + d.second * at**2 / 2, "--", color=colour["sine"], label="and second")
    ax.set(title=found.title, xlabel="moved along v, in units of L2 norm")
    ax.set_xticks([-1, -0.5, 0, 0.5, 1])
    ax.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))


def draw_entropy(axes: Sequence[Axes], view: RunView) -> None:
    """The entropy of attention of the same weights at other temperatures: one line per head."""
    colour, own = Style().colour, view.run.config.attention_temperature
    entropies = np.array([attention_entropy(view.final_acts, T * own) for T in TEMPERATURES])
    axes[0].plot(TEMPERATURES, entropies, color=colour["mean"], linewidth=1.4)
    axes[0].axhline(np.log(3), color=colour["null"], linestyle="--", linewidth=1)
    axes[0].text(TEMPERATURES[0], np.log(3), " log 3: a third each", va="bottom", fontsize=9)
    axes[0].axvline(1, color=colour["muted"], linewidth=0.8, linestyle=":")
    axes[0].set(
        xscale="log",
        ylim=(0, 1.25),
        xlabel="softmax temperature, over the one trained with",
        ylabel="entropy of attention (nats)",
        title="Each head, final weights",
    )


def draw_spectra(axes: Sequence[Axes], view: RunView) -> None:
    """|DFT|² over frequency pairs: logits at the start, at the end, and one neuron at the end."""
    grid, shares, start, end = view.grid, view.final_shares, view.run.epochs[0], view.run.final_epoch
    best = int(shares.fve.argmax())
    keys = ", ".join(map(str, sorted(view.keys))) or "none"
    pictures = [
        (f"logits, epoch {start}", view.acts_at(start).logit_grid(grid)),
        (f"logits, epoch {end}", view.final_acts.logit_grid(grid)),
        (f"neuron {best} (k = {shares.frequency[best]})", view.final_acts.neuron_grid(grid)[..., best]),
    ]
    ends = [Style().colour[c] for c in ("background", "key_frequency")]
    cmap = LinearSegmentedColormap.from_list("energy", ends)
    for ax, (title, values) in zip(axes, pictures, strict=True):
        energy = energy_spectrum(values)
        on = diagonal_share(energy)
        energy[0, 0] = 0
        share = energy / max(energy.sum(), np.finfo(float).tiny)
        ax.imshow(np.log10(np.maximum(share, 1e-5)), cmap=cmap, vmin=-5, vmax=0, origin="lower")
        ax.set(xlabel="frequency along b", title=title)
        ax.text(0.03, 0.97, f"{on or 0:.1%} at (k, k)", transform=ax.transAxes, va="top", fontsize=9)
    axes[0].set_ylabel("frequency along a")
    axes[1].set_xlabel(f"frequency along b\nkeys {keys}")


def draw_options(axes: Sequence[Axes], runs: Sequence[Run]) -> None:
    """Grokking epoch against the temperature trained with, and with layer norm; open: not by the end."""
    colour = Style().colour
    for row in grokking_times(runs):
        ax, x = (axes[1], float(row["layer_norm"])) if row["layer_norm"] else (axes[0], row["temperature"])
        places = [(ax, x)] + ([(axes[1], 0.0)] if not row["layer_norm"] and row["temperature"] == 1 else [])
        for where, at in places:
            _draw_times(where, at, row, colour["key_frequency"])
    axes[0].set(
        xscale="log", xlabel="attention temperature T", ylabel="grokking epoch", title="no layer norm"
    )
    temperatures = sorted({run.config.attention_temperature for run in runs})
    axes[0].set_xticks(temperatures, [f"{T:g}" for T in temperatures])
    axes[0].minorticks_off()
    axes[0].set_xlim(temperatures[0] / 1.3, temperatures[-1] * 1.3)
    axes[1].set(xlim=(-0.5, 1.5), title="T = 1")
    axes[1].set_xticks([0, 1], ["without", "with layer norm"])
    top = max(run.history["epochs"][-1] for run in runs)
    for ax in axes:
        ax.set_ylim(0, 1.06 * top)


def _draw_times(ax: Axes, x: float, row: dict[str, Any], colour: str) -> None:
    for epoch, budget in zip(row["grokking_epochs"], row["budgets"], strict=True):
        shown = budget if epoch is None else epoch
        ax.plot(x, shown, "o", color=colour, fillstyle="none" if epoch is None else "full")


def grokking_times(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Grokking epochs by (layer norm, temperature), a list with one entry per run; None: censored."""
    rows: dict[tuple[bool, float], dict[str, Any]] = {}
    for run in sorted(runs, key=lambda r: r.config.seed):
        key = (run.config.layer_norm, run.config.attention_temperature)
        row = rows.setdefault(
            key,
            {
                "layer_norm": key[0],
                "temperature": key[1],
                "seeds": [],
                "grokking_epochs": [],
                "budgets": [],
                "entropy": [],
            },
        )
        row["seeds"].append(run.config.seed)
        row["grokking_epochs"].append(run.history.get("grokking_epoch"))
        row["budgets"].append(run.history["epochs"][-1])
        row["entropy"].append(float(attention_entropy(run.observe(run.final_epoch)).mean()))
    return [rows[key] for key in sorted(rows)]


def _figure(output: Path, columns: int, draw: Callable[[Sequence[Axes]], None]) -> Path:
    with Style().context():
        width = SIZE[0] if columns > 1 else SIZE[0] / 1.6
        figure = Figure(figsize=(width, SIZE[1]), layout=ConstrainedLayoutEngine(h_pad=0.08, w_pad=0.08))
        FigureCanvasAgg(figure)
        draw(list(figure.subplots(1, columns, squeeze=False)[0]))
        return save_figure(figure, output, DPI, metadata={"Software": None})

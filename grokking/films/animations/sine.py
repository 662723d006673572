"""Appearance of the sine film: six neurons with their sines, all neurons' R², the losses."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import (
    Curve,
    CurvesPanel,
    log_limits,
    mark_activations,
    mark_answers,
    neuron_width,
    padded,
)
from grokking.drawing.style import Style

N_COLUMNS = 3
BINS = np.linspace(0, 1, 26)
SMALLEST_LOSS = 1e-30
"""What a loss of exactly zero is drawn as: a logarithmic axis has no place for it."""


@dataclass(frozen=True)
class SineChoice:
    """neurons, frequencies: int64 [m], m <= 6, those of the final model, for the whole film."""

    neurons: np.ndarray
    frequencies: np.ndarray
    layout: str


@dataclass(frozen=True)
class SineData:
    """All that the sine film shows. F frames, m neurons, group order n.

    places: int64 [m, n], where each answer lies on each neuron's axis.  wave_x: the axis positions
    of the sines, one float64 array per neuron.  waves: per frame, the sines there.
    means: float64 [F, n, m], less their mean over s, and so are the waves.
    r2: float64 [F, m], of the sine drawn; NaN where dead.
    counts: int64 [F, bins], live neurons by ``neuron_r2``.  strength: float64 [F], their mean.
    null: of the strength, from the history.  names: of what is fitted to each neuron, () for its
    frequency.  fitted: what R² is of.
    """

    choice: SineChoice
    places: np.ndarray
    wave_x: list[np.ndarray]
    epochs: list[int]
    means: np.ndarray
    waves: list[list[np.ndarray]]
    r2: np.ndarray
    counts: np.ndarray
    strength: np.ndarray
    null: Curve
    losses: list[Curve]
    last_epoch: int
    axis: str
    text: FigureText
    names: tuple[str, ...] = ()
    fitted: str = "best sine"


class SineAnimation(AnimatedFigure):
    """Left six neurons; right the fits of all neurons, and the losses."""

    def __init__(self, data: SineData, style: Style) -> None:
        with style.context():
            super().__init__(style, data.text)
            self.data = data
            self._build_neurons()
            self._build_histogram()
            self._build_losses()

    def _build_neurons(self) -> None:
        self.neurons = [self._build_neuron(i) for i in range(len(self.data.choice.neurons))]

    def _build_neuron(self, i: int) -> tuple[Any, Any, Any]:
        x, colour = self.data, self.colour
        row, column = divmod(i, N_COLUMNS)
        below = i + N_COLUMNS >= len(x.choice.neurons)
        axes = self.panel(0.065 + 0.208 * column, 0.545 - 0.385 * row, 0.165, 0.3)
        number = x.choice.neurons[i]
        words = f"{number}: {x.names[i]}" if x.names else f"neuron {number}, k = {x.choice.frequencies[i]}"
        title = self.over(axes, words, fontsize=10.5)
        self.shrink(title, 0.66 * axes.get_window_extent().width)
        axes.set(xlim=neuron_width(x.places.shape[1]), ylim=self._limits(i), xlabel=x.axis if below else "")
        mark_answers(axes)
        mark_activations(axes)
        axes.grid(axis="y", linewidth=0.8)
        axes.tick_params(labelbottom=below, labelsize=9)
        unfolded = x.choice.layout == "unfolded"
        wave = axes.plot(x.wave_x[i], x.waves[0][i], color=colour["sine"])[0]
        wave.set_linewidth(2 if unfolded else 0.8)
        dots = axes.plot(
            x.places[i], x.means[0][:, i], "o", color=colour["mean"], markersize=3.6, markeredgewidth=0
        )[0]
        for artist in (dots, wave) if unfolded else (wave, dots):
            self.moving(artist)
        readout = self.moving(self.over(axes, "", x=1.0, ha="right", color=colour["sine"], fontweight="bold"))
        return dots, wave, readout

    def _limits(self, i: int) -> tuple[float, float]:
        """One scale per neuron for the whole film, as far down as up."""
        low, high = padded([self.data.means[:, :, i], *(frame[i] for frame in self.data.waves)])
        return min(low, -high), max(high, -low)

    def _build_histogram(self) -> None:
        x, colour = self.data, self.colour
        axes = self.panel(0.72, 0.545, 0.245, 0.3)
        self.title = self.moving(self.over(axes, "", fontweight="bold"))
        self.over(axes, "null", x=0.64, ha="right", color=colour["null"], fontweight="bold", fontsize=10.5)
        top = 1.08 * max(int(x.counts.max()), 1)
        axes.set(xlim=(0, 1), ylim=(0, top), xlabel=f"R² of a neuron's {x.fitted}")
        axes.grid(axis="y", linewidth=0.8)
        points = axes.get_window_extent().width * 72 / self.style.dpi
        self.bars = self.moving(
            axes.vlines(
                (BINS[1:] + BINS[:-1]) / 2,
                0,
                0,
                colors=colour["mean"],
                linewidth=0.86 * points / (len(BINS) - 1),
                capstyle="butt",
            )
        )
        self.null = self.moving(axes.axvline(0, color=colour["null"], linestyle=(0, (4, 3)), linewidth=2))
        self.strength = self.moving(axes.axvline(0, color=colour["sine"], linewidth=2))
        self.readout = self.moving(
            self.over(axes, "", x=1.0, ha="right", color=colour["sine"], fontweight="bold", fontsize=10.5)
        )

    def _build_losses(self) -> None:
        x = self.data
        losses = [Curve(c.x, np.maximum(c.y, SMALLEST_LOSS), c.meaning) for c in x.losses]
        axes = self.panel(0.72, 0.16, 0.245, 0.245, "Loss")
        axes.set_xlabel("epoch")
        self.legend_words(axes, [(c.label, self.colour[c.meaning]) for c in losses])
        self.losses = CurvesPanel(
            self, axes, losses, x.last_epoch, log_limits([c.y for c in losses]), log=True
        )

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        x, epoch = self.data, self.data.epochs[number]
        self.show_epoch(epoch)
        for i, (dots, wave, readout) in enumerate(self.neurons):
            dots.set_ydata(x.means[number][:, i])
            wave.set_ydata(x.waves[number][i])
            r2 = x.r2[number, i]
            readout.set_text("dead" if np.isnan(r2) else f"R² {r2:.2f}")
        centres = (BINS[1:] + BINS[:-1]) / 2
        bars = np.zeros((len(centres), 2, 2))
        bars[:, :, 0], bars[:, 1, 1] = centres[:, None], x.counts[number]
        self.bars.set_segments(bars)
        strength = x.strength[number]
        self.title.set_text(f"{x.counts[number].sum()} live neurons")
        self.strength.set_xdata([strength] * 2)
        self.readout.set_text("all dead" if np.isnan(strength) else f"mean {strength:.2f}")
        # The null as it was last logged: frames may lie between two rows of the history.
        row = int(np.searchsorted(x.null.x, epoch, side="right")) - 1
        self.null.set_xdata([x.null.y[row] if row >= 0 else np.nan] * 2)
        self.losses.update(epoch)


def title_of(n_neurons: int) -> str:
    """The film's title, with a number of neurons in words."""
    words = (
        "No neuron",
        "One neuron",
        "Two neurons",
        "Three neurons",
        "Four neurons",
        "Five neurons",
        "Six neurons",
    )
    return f"{words[n_neurons]} against the answer"

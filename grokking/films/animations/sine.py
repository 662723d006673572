"""Appearance of the sine film: six neurons with their sines, all neurons' R², the losses."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import SMALL, AnimatedFigure, FigureText
from grokking.drawing.panels import (
    Curve,
    CurvesPanel,
    Timeline,
    log_limits,
    mark_activations,
    mark_answers,
    neuron_width,
    padded,
)
from grokking.drawing.style import Style
from grokking.films.animations.clean import said_frequency

N_COLUMNS = 3
BINS = np.linspace(0, 1, 26)


@dataclass(frozen=True)
class SineChoice:
    """neurons: int64 [m], m <= 6, the same in every frame.  frequencies: int64 [m], in the final model."""

    neurons: np.ndarray
    frequencies: np.ndarray
    layout: str


@dataclass(frozen=True)
class SineData:
    """All that the sine film shows. F frames, m neurons, group order n.

    k: int64 [F, m], the frequency that fits each neuron's means best at each frame.
    places: int64 [F, m, n], where each answer lies on each neuron's axis.  wave_x: float64 [w], the axis
    positions of the sines.  waves: float64 [F, m, w], the sines there.
    means: float64 [F, n, m], less their mean over s, and so are the waves.
    r2: float64 [F, m], of the sine drawn; NaN where dead.
    counts: int64 [F, bins], live neurons by ``neuron_r2``.  strength: float64 [F], their mean.
    null: of the strength, from the history.  names: of what is fitted to each neuron, () for its
    frequency.  fitted: what R² is of.
    """

    choice: SineChoice
    k: np.ndarray
    places: np.ndarray
    wave_x: np.ndarray
    epochs: list[int]
    means: np.ndarray
    waves: np.ndarray
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
    timeline: Timeline = field(default_factory=Timeline)


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

    def _build_neuron(self, i: int) -> tuple[Any, Any, Any, Any]:
        x, colour = self.data, self.colour
        row, column = divmod(i, N_COLUMNS)
        below = i + N_COLUMNS >= len(x.choice.neurons)
        axes = self.panel(0.06 + 0.212 * column, 0.545 - 0.385 * row, 0.172, 0.3)
        title = self.over(axes, f"neuron {x.choice.neurons[i]}")
        self.shrink(title, 0.6 * axes.get_window_extent().width)
        axes.set(xlim=neuron_width(x.places.shape[2]), ylim=self._limits(i), xlabel=x.axis if below else "")
        mark_answers(axes)
        mark_activations(axes)
        axes.grid(axis="y", linewidth=0.8)
        axes.tick_params(labelbottom=below)
        dots, wave = self._dots_and_wave(axes, i)
        bold = {"color": colour["sine"], "fontweight": "bold"}
        readout = self.moving(self.over(axes, "", x=1.0, ha="right", **bold))
        paper = {"facecolor": colour["background"], "edgecolor": "none", "pad": 1.5, "alpha": 0.8}
        frequency = axes.annotate(
            "",
            (0, 1),
            (4, -15),
            "axes fraction",
            textcoords="offset points",
            fontsize=SMALL,
            bbox=paper,
            **bold,
        )
        return dots, wave, readout, self.moving(frequency)

    def _dots_and_wave(self, axes: Any, i: int) -> tuple[Any, Any]:
        x, colour = self.data, self.colour
        unfolded = x.choice.layout == "unfolded"
        wave = axes.plot(x.wave_x, x.waves[0][i], color=colour["sine"])[0]
        wave.set_linewidth(2 if unfolded else 0.8)
        dots = axes.plot(
            x.places[0][i], x.means[0][:, i], "o", color=colour["mean"], markersize=3.6, markeredgewidth=0
        )[0]
        for artist in (dots, wave) if unfolded else (wave, dots):
            self.moving(artist)
        return dots, wave

    def _limits(self, i: int) -> tuple[float, float]:
        """One scale per neuron for the whole film, about as far down as up, with room for the frequency."""
        low, high = padded([self.data.means[:, :, i], self.data.waves[:, i]])
        return min(low, -high), 1.25 * max(high, -low)

    def _build_histogram(self) -> None:
        x, colour = self.data, self.colour
        axes = self.panel(0.72, 0.545, 0.245, 0.3)
        self.title = self.moving(self.over(axes, "", fontweight="bold"))
        self.over(axes, "null", x=0.66, ha="right", color=colour["null"], fontweight="bold")
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
            self.over(axes, "", x=1.0, ha="right", color=colour["sine"], fontweight="bold")
        )

    def _build_losses(self) -> None:
        x = self.data
        losses = [c.above_zero for c in x.losses]
        axes = self.panel(0.72, 0.16, 0.245, 0.245, "Loss")
        axes.set_xlabel("epoch")
        self.legend_words(axes, [(c.label, self.colour[c.meaning]) for c in losses])
        self.losses = CurvesPanel(
            self,
            axes,
            losses,
            x.last_epoch,
            log_limits([c.y for c in losses]),
            log=True,
            marks=x.timeline.marks,
            marks_at=0.72,
        )

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        x, epoch = self.data, self.data.epochs[number]
        self.show_epoch(epoch, x.timeline.phase(number))
        for i, (dots, wave, readout, frequency) in enumerate(self.neurons):
            dots.set_data(x.places[number][i], x.means[number][:, i])
            wave.set_ydata(x.waves[number][i])
            frequency.set_text(x.names[i] if x.names else said_frequency(x.k[:, i], number, short=True))
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


def title_of(n_neurons: int, one: str, several: str) -> str:
    """The film's title: a number of neurons in words, and what one or several of them do."""
    numbers = ("No", "One", "Two", "Three", "Four", "Five", "Six")
    return f"{numbers[n_neurons]} neuron{f's {several}' if n_neurons != 1 else f' {one}'}"

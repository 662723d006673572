"""Appearance of the clean film: one neuron's pairs, means and sine, its R², the accuracy."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import PHASE, SMALL, AnimatedFigure, FigureText
from grokking.drawing.panels import (
    Curve,
    CurvesPanel,
    Timeline,
    mark_activations,
    mark_answers,
    neuron_width,
    padded,
)
from grokking.drawing.style import Style

R2_NOTE = """R² is about the blue means alone:
the {} can explain all of them while
single pairs (green) still scatter."""
JITTER = 0.3
"""Samples of one answer are spread by up to this much of a step, so that they do not hide each other."""


@dataclass(frozen=True)
class CleanChoice:
    """neuron: which one, the same in every frame.  k: its frequency in the final model."""

    neuron: int
    k: int
    layout: str


@dataclass(frozen=True)
class CleanData:
    """All that the clean film shows. F frames, group order n.

    k: int64 [F], the frequency that fits the means best at each frame.
    x: int64 [F, n], where the answer with group index s lies on the axis: s, or k·s mod n.
    answer: int64 [n²], group index of the answer of each pair.
    samples: float32 [F, n²], activation on each pair.  means: float64 [F, n], by group index.
    wave_x: float64 [m], fine grid on the axis.  wave: float64 [F, m], the fitted sine there.
    r2: float64 [F], of that sine: ``neuron_r2``.  final_r2: float64 [F], at the final frequency.
    null: float64 [F], 95 % quantile of ``neuron_r2`` under shuffled answers.  NaN where dead.
    words: names of what is fitted, of its R² and of ``final_r2``; () for sines.
    block: name of the block whose part is drawn in the sine's place; "" for sines.
    """

    choice: CleanChoice
    k: np.ndarray
    x: np.ndarray
    answer: np.ndarray
    epochs: np.ndarray
    samples: np.ndarray
    means: np.ndarray
    wave: np.ndarray
    r2: np.ndarray
    final_r2: np.ndarray
    null: np.ndarray
    wave_x: np.ndarray
    accuracy: list[Curve]
    last_epoch: int
    axis: str
    text: FigureText
    words: tuple[str, ...] = ()
    block: str = ""
    timeline: Timeline = field(default_factory=Timeline)


class CleanAnimation(AnimatedFigure):
    """Left the neuron; right how well a sine fits it, and the accuracy."""

    def __init__(self, data: CleanData, style: Style) -> None:
        with style.context():
            super().__init__(style, data.text)
            self.data = data
            self.words = data.words or ("best sine", "best", f"k = {data.choice.k}")
            self._build_neuron()
            self._build_fit()
            accuracy = self.panel(0.7, 0.15, 0.265, 0.155, "Accuracy")
            accuracy.set_xlabel("epoch")
            self.legend_words(accuracy, [(c.label, self.colour[c.meaning]) for c in data.accuracy])
            self.accuracy = CurvesPanel(
                self, accuracy, data.accuracy, data.last_epoch, (0, 1.02), marks=data.timeline.marks
            )

    def _build_neuron(self) -> None:
        x, colour = self.data, self.colour
        axes = self.panel(0.065, 0.17, 0.555, 0.675, f"Neuron {x.choice.neuron}")
        self.legend_words(
            axes,
            [
                ("one pair", colour["samples"]),
                ("mean of an answer", colour["mean"]),
                (self.words[0], colour["sine"]),
            ],
        )
        self.limits = padded([x.samples[-1], x.means, x.wave])
        axes.set(xlim=neuron_width(x.x.shape[1]), ylim=self.limits, xlabel=x.axis)
        mark_answers(axes)
        mark_activations(axes, 9)
        axes.grid(axis="y", linewidth=0.8)
        spread = np.random.default_rng(0).uniform(-JITTER, JITTER, len(x.answer))
        self.spread = spread
        size = max(1.6, min(4, 220 / x.x.shape[1]))
        self.samples = self.moving(
            axes.plot(
                [],
                [],
                "o",
                color=colour["samples"],
                markersize=size,
                markeredgewidth=0,
                alpha=0.3,
                clip_on=False,
            )[0]
        )
        paper = {"facecolor": colour["background"], "edgecolor": "none", "pad": 2, "alpha": 0.8}
        self.n_beyond = self.moving(
            axes.annotate(
                "",
                (1, 1),
                (-4, -16),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="right",
                color=colour["samples"],
                fontsize=SMALL,
                bbox=paper,
            )
        )
        means = axes.plot(
            [],
            [],
            "o",
            color=colour["mean"],
            markersize=6,
            markeredgecolor=colour["background"],
            markeredgewidth=0.8,
        )[0]
        wave = axes.plot(x.wave_x, x.wave[0], color=colour["sine"])[0]
        # One period is a line over the dots; dozens would hide them.
        unfolded = x.choice.layout == "unfolded"
        wave.set_linewidth(2.2 if unfolded else 1.2)
        for artist in (means, wave) if unfolded else (wave, means):
            self.moving(artist)
        self.means, self.wave = means, wave
        bold = {"fontsize": PHASE, "fontweight": "bold", "color": colour["sine"], "bbox": paper}
        self.frequency = self.moving(
            axes.annotate("", (0, 1), (6, -22), "axes fraction", textcoords="offset points", **bold)
        )

    def _build_fit(self) -> None:
        x, colour = self.data, self.colour
        bar = self.panel(0.7, 0.545, 0.022, 0.3, "R²")
        bar.set(xlim=(0, 1), ylim=(0, 1), xticks=[], facecolor=colour["faint"])
        bar.spines["left"].set_visible(False)
        self.bar = self.moving(
            bar.vlines(
                [0.5],
                [0],
                [0],
                colors=colour["sine"],
                capstyle="butt",
                linewidth=bar.get_window_extent().width * 72 / self.style.dpi,
            )
        )
        self.bar_null = self.moving(bar.plot([0, 1], [0, 0], "--", color=colour["null"], linewidth=2)[0])
        self.readout = self.moving(self.over(bar, "", x=1.1, color=colour["sine"], fontweight="bold"))
        axes = self.panel(0.745, 0.545, 0.22, 0.3)
        axes.tick_params(labelleft=False)
        self.legend_words(
            axes,
            [
                (self.words[1], colour["sine"]),
                (self.words[2], colour["other_frequency"]),
                ("null", colour["null"]),
            ],
        )
        curves = [
            Curve(x.epochs, x.final_r2, "other_frequency"),
            Curve(x.epochs, x.null, "null", dashed=True),
            Curve(x.epochs, x.r2, "sine"),
        ]
        self.fit = CurvesPanel(
            self, axes, curves, x.last_epoch, (0, 1), marks=x.timeline.marks, marks_at=0.62
        )
        note: dict[str, Any] = {"fontsize": SMALL, "color": colour["muted"], "va": "top", "linespacing": 1.25}
        self.figure.text(0.7, 0.482, R2_NOTE.format("part" if x.block else "sine"), **note)

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        x, epoch = self.data, int(self.data.epochs[number])
        self.show_epoch(epoch, x.timeline.phase(number))
        self._show_samples(x.samples[number], x.x[number][x.answer] + self.spread)
        self.wave.set_ydata(x.wave[number])
        self.means.set_data(x.x[number], x.means[number])
        self.frequency.set_text(x.block or said_frequency(x.k, number))
        r2 = x.r2[number]
        self.bar.set_segments([[(0.5, 0), (0.5, np.nan_to_num(r2))]])
        self.bar_null.set_ydata([x.null[number]] * 2)
        self.readout.set_text("dead" if np.isnan(r2) else f"{r2:.3f}")
        self.fit.update(epoch)
        self.accuracy.update(epoch)

    def _show_samples(self, samples: np.ndarray, places: np.ndarray) -> None:
        """All pairs; those beyond the axis lie on its edge, and are counted."""
        inside = np.clip(samples, *self.limits)
        self.samples.set_data(places, inside)
        count = int((inside != samples).sum())
        self.n_beyond.set_text(f"{count:,} of {len(samples):,} pairs lie beyond the axis" if count else "")


def said_frequency(k: np.ndarray, number: int, short: bool = False) -> str:
    """The frequency of a frame in words, with the one before it where it has just changed.

    >>> said_frequency(np.array([7, 22, 22]), 1), said_frequency(np.array([7, 22, 22]), 2)
    ('k = 22, was 7', 'k = 22')
    >>> said_frequency(np.array([7, 22, 22]), 1, short=True)
    'k 7 → 22'
    """
    before, now = int(k[max(number - 1, 0)]), int(k[number])
    if before == now:
        return f"k = {now}"
    return f"k {before} → {now}" if short else f"k = {now}, was {before}"

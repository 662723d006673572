"""Appearance of the clean film: one neuron's pairs, means and sine, its R², the accuracy."""

from dataclasses import dataclass

import numpy as np

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import Curve, CurvesPanel, mark_activations, mark_answers, neuron_width, padded
from grokking.drawing.style import Style

JITTER = 0.3
"""Samples of one answer are spread by up to this much of a step, so that they do not hide each other."""


@dataclass(frozen=True)
class CleanChoice:
    """neuron: which one.  k: its frequency in the final model, the same in every frame."""

    neuron: int
    k: int
    layout: str


@dataclass(frozen=True)
class CleanData:
    """All that the clean film shows. F frames, group order n.

    x: int64 [n], where the answer with group index s lies on the axis: s, or k·s mod n.
    answer: int64 [n²], group index of the answer of each pair.
    samples: float32 [F, n²], activation on each pair.  means: float64 [F, n], by group index.
    wave_x: float64 [m], fine grid on the axis.  wave: float64 [F, m], the fitted sine there.
    r2: float64 [F], of that sine, at k.  best_r2: float64 [F], ``neuron_r2``, at the epoch's best k.
    null: float64 [F], 95 % quantile of ``neuron_r2`` under shuffled answers.  NaN where dead.
    words: names of what is fitted, of this fit and of the best one; () for sines.
    """

    choice: CleanChoice
    x: np.ndarray
    answer: np.ndarray
    epochs: np.ndarray
    samples: np.ndarray
    means: np.ndarray
    wave: np.ndarray
    r2: np.ndarray
    best_r2: np.ndarray
    null: np.ndarray
    wave_x: np.ndarray
    accuracy: list[Curve]
    last_epoch: int
    axis: str
    text: FigureText
    words: tuple[str, ...] = ()


class CleanAnimation(AnimatedFigure):
    """Left the neuron; right how well a sine fits it, and the accuracy."""

    def __init__(self, data: CleanData, style: Style) -> None:
        with style.context():
            super().__init__(style, data.text)
            self.data = data
            self.words = data.words or (f"sine of frequency {data.choice.k}", "this sine", "best k")
            self._build_neuron()
            self._build_fit()
            accuracy = self.panel(0.7, 0.16, 0.265, 0.2, "Accuracy")
            accuracy.set_xlabel("epoch")
            self.legend_words(accuracy, [(c.label, self.colour[c.meaning]) for c in data.accuracy])
            self.accuracy = CurvesPanel(self, accuracy, data.accuracy, data.last_epoch, (0, 1.02))

    def _build_neuron(self) -> None:
        x, colour = self.data, self.colour
        axes = self.panel(0.065, 0.16, 0.555, 0.685, "Activation")
        self.legend_words(
            axes,
            [
                ("one pair", colour["samples"]),
                ("mean of an answer", colour["mean"]),
                (self.words[0], colour["sine"]),
            ],
        )
        self.limits = padded([x.samples[-1], x.means, x.wave])
        axes.set(xlim=neuron_width(len(x.x)), ylim=self.limits, xlabel=x.axis)
        mark_answers(axes)
        mark_activations(axes, 9)
        axes.grid(axis="y", linewidth=0.8)
        spread = np.random.default_rng(0).uniform(-JITTER, JITTER, len(x.answer))
        self.places = x.x[x.answer] + spread
        size = max(1.6, min(4, 220 / len(x.x)))
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
        self.n_beyond = self.moving(
            axes.annotate(
                "",
                (1, 1),
                (-4, -16),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="right",
                color=colour["samples"],
                fontsize=10.5,
                bbox={"facecolor": colour["background"], "edgecolor": "none", "pad": 2, "alpha": 0.8},
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

    def _build_fit(self) -> None:
        x, colour = self.data, self.colour
        bar = self.panel(0.7, 0.5, 0.022, 0.345, "R²")
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
        axes = self.panel(0.745, 0.5, 0.22, 0.345)
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
            Curve(x.epochs, x.best_r2, "other_frequency"),
            Curve(x.epochs, x.null, "null", dashed=True),
            Curve(x.epochs, x.r2, "sine"),
        ]
        self.fit = CurvesPanel(self, axes, curves, x.last_epoch, (0, 1))

    def update(self, number: int) -> None:
        """Set every moving artist to frame ``number``."""
        x, epoch = self.data, int(self.data.epochs[number])
        self.show_epoch(epoch)
        self._show_samples(x.samples[number])
        self.wave.set_ydata(x.wave[number])
        self.means.set_data(x.x, x.means[number])
        r2 = x.r2[number]
        self.bar.set_segments([[(0.5, 0), (0.5, np.nan_to_num(r2))]])
        self.bar_null.set_ydata([x.null[number]] * 2)
        self.readout.set_text("dead" if np.isnan(r2) else f"{r2:.3f}")
        self.fit.update(epoch)
        self.accuracy.update(epoch)

    def _show_samples(self, samples: np.ndarray) -> None:
        """All pairs; those beyond the axis lie on its edge, and are counted."""
        inside = np.clip(samples, *self.limits)
        self.samples.set_data(self.places, inside)
        count = int((inside != samples).sum())
        self.n_beyond.set_text(f"{count:,} of {len(samples):,} pairs lie beyond the axis" if count else "")

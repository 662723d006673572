"""The clean film: one neuron against the answer, every pair of operands and their means."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from grokking.errors import UserError
from grokking.films.animated_figure import FigureText
from grokking.films.clean_picture import CleanChoice, CleanNumbers, CleanPicture
from grokking.films.film import Film, FilmOptions
from grokking.films.subject import Subject
from grokking.metrics.fixed_frequency_fit import fixed_sinusoids
from grokking.metrics.neurons import SinusoidFit, fit_sinusoids, fourier_strength_null, mean_by_answer

POINTS_PER_PERIOD = 40


def choose(subject: Subject, options: FilmOptions) -> CleanChoice:
    """The given neuron, or the one with the best R² in the final model."""
    fit = final_fit(subject)
    d_mlp = len(fit.r2)
    neuron = int(np.nanargmax(fit.r2)) if options.neuron is None else options.neuron
    if not 0 <= neuron < d_mlp:
        raise UserError(f"neuron is {neuron}; this run has 0 to {d_mlp - 1}")
    if not fit.alive[neuron]:
        raise UserError(
            f"neuron {neuron} is dead in the final model, so it has no frequency; "
            f"{int(fit.alive.sum())} of {d_mlp} are alive, the best is {np.nanargmax(fit.r2)}"
        )
    return CleanChoice(neuron, int(fit.frequency[neuron]), options.view)


def final_fit(subject: Subject) -> SinusoidFit:
    """The final model's neurons as sinusoids; raises UserError if every one is dead."""
    fit = fit_sinusoids(mean_by_answer(subject.final.neuron_grid(subject.grid), subject.grid.s))
    if not fit.alive.any():
        raise UserError("all neurons of the final model are dead: there is none to show")
    return fit


def collect(subject: Subject, choice: CleanChoice, epochs: Iterable[int]) -> CleanNumbers:
    """Measure the neuron at every epoch."""
    grid, k, n = subject.grid, choice.k, subject.n
    s, wave_x = wave_grid(k, n, choice.view)
    rows: list[Any] = []
    for epoch in epochs:
        neuron = subject.run.observe(epoch).neuron_grid(grid)[:, :, [choice.neuron]]
        means = mean_by_answer(neuron, grid.s)
        sine = fixed_sinusoids(means, np.array([k]))
        null_r2 = fourier_strength_null(means)
        rows.append(
            (
                epoch,
                neuron.reshape(-1).cpu().numpy(),
                means[:, 0],
                sine.at(s)[:, 0],
                sine.r2[0],
                fit_sinusoids(means).r2[0],
                np.nan if null_r2 is None else null_r2,
            )
        )
    kept, samples, means, wave, r2, best_r2, null = (np.array(x) for x in zip(*rows, strict=True))
    return CleanNumbers(
        choice,
        answer_places(k, n, choice.view),
        grid.s,
        kept,
        samples,
        means,
        wave,
        r2,
        best_r2,
        null,
        wave_x,
        accuracy=subject.train_and_test("acc"),
        last_epoch=subject.last_epoch,
        words=FigureText(
            f"Neuron {choice.neuron} at frequency {k}",
            subject.config_line,
            _caption(subject, choice),
            subject.key_text,
        ),
        axis=subject.answer_label(str(k) if choice.view == "unfolded" else ""),
    )


def answer_places(k: int, n: int, view: str) -> np.ndarray:
    """Where each group index s lies on the axis: int64 [n], s itself or k·s mod n."""
    s = np.arange(n)
    return s if view == "source" else k * s % n


def wave_grid(k: int, n: int, view: str) -> tuple[np.ndarray, np.ndarray]:
    """A grid fine enough for a smooth sine: group indices s, not only whole ones, and their places.

    Both float64 [m]. Seen unfolded one period fills the axis: the place is k·s, from 0 to n.
    """
    if view == "source":
        s = np.linspace(0, n - 1, max(POINTS_PER_PERIOD * k, 400))
        return s, s
    place = np.linspace(0, n, 400)
    return place / k, place


def _caption(subject: Subject, choice: CleanChoice) -> str:
    s = subject.answer_label().removesuffix(f" mod {subject.n}")
    k = choice.k
    text = (
        f"How to read: each green point is one of the {subject.n}² pairs (a, b); a blue dot is the mean "
        f"over the {subject.n} pairs with the same answer.\n"
    )
    if choice.view == "source":
        return f"{text}The orange sine has frequency {k}: it turns {times(k)} while {s} runs round."
    return f"{text}Answers stand in the order of their phase, {k} · {s} mod {subject.n}" + (
        f": {k} turns become one." if k > 1 else "."
    )


def times(k: int) -> str:
    """``once``, ``2 times``, …"""
    return "once" if k == 1 else f"{k} times"


CLEAN = Film("clean", choose, collect, CleanPicture)

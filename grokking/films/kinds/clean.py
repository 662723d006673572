"""The clean film: one neuron against the answer, every pair of operands and their means."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.errors import UserError
from grokking.films.animations.clean import CleanAnimation, CleanChoice, CleanData
from grokking.films.film import FilmOptions, curves_by_part, cyclic_film, for_any_group
from grokking.films.kinds.block_neurons import clean_film
from grokking.films.milestones import Words, milestones_of
from grokking.metrics.fixed_frequency_fit import fixed_sinusoids
from grokking.metrics.neurons import SinusoidFit, fit_sinusoids, fourier_strength_null, mean_by_answer
from grokking.runs.view import RunView

SOURCE_POINTS = 40
"""Points of a sine for every answer in the plain order: enough for the highest frequency, n/2."""


def choose(view: RunView, options: FilmOptions) -> CleanChoice:
    """The given neuron, or the one with the best R² in the final model."""
    fit = final_fit(view)
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


def final_fit(view: RunView) -> SinusoidFit:
    """The final model's neurons as sinusoids; raises UserError if every one is dead."""
    fit = view.final_fit
    if not fit.alive.any():
        raise UserError("all neurons of the final model are dead: there is none to show")
    return fit


def collect(view: RunView, choice: CleanChoice, epochs: Iterable[int]) -> CleanData:
    """Measure the neuron at every epoch."""
    n = view.n
    rows: list[Any] = []
    for epoch in epochs:
        neuron = view.acts_at(epoch).neuron_grid(view.grid)[:, :, [choice.neuron]]
        means = mean_by_answer(neuron, view.grid.s)
        best = fit_sinusoids(means)
        k = moments_best(best, np.array([choice.k]))
        s, wave_x = wave_grid(int(k[0]), n, choice.layout)
        sine, final = fixed_sinusoids(means, k), fixed_sinusoids(means, np.array([choice.k]))
        null_r2 = fourier_strength_null(means)
        null = np.nan if null_r2 is None else null_r2
        places = answer_places(int(k[0]), n, choice.layout)
        shown = (places, neuron.reshape(-1).cpu().numpy(), means[:, 0], sine.at(s)[:, 0])
        rows.append((epoch, k[0], *shown, best.r2[0], final.r2[0], null))
    epochs_shown, ks, x, samples, means_shown, wave, r2, final_r2, nulls = (
        np.array(column) for column in zip(*rows, strict=True)
    )
    return CleanData(
        choice,
        ks,
        x,
        view.grid.s,
        epochs_shown,
        samples,
        means_shown,
        wave,
        r2,
        final_r2,
        nulls,
        wave_x,
        accuracy=curves_by_part(view, "acc"),
        last_epoch=view.last_epoch,
        text=FigureText(
            "One neuron learns a sine wave", view.config_line, _caption(view, choice), view.key_text
        ),
        axis=view.answer_label("k" if choice.layout == "unfolded" else ""),
        timeline=milestones_of(view).timeline(list(epochs_shown), _words(view, choice)),
    )


def moments_best(fit: SinusoidFit, final: np.ndarray) -> np.ndarray:
    """The frequency to show of each neuron: its best one; the final one (int64 [m]) while it is dead."""
    return np.where(fit.alive, fit.frequency, final)


def _words(view: RunView, choice: CleanChoice) -> Words:
    return Words(
        f"Neuron {choice.neuron} on all {view.n**2:,} pairs. At first its activation has no form.",
        "From here on the circuit forms. Watch the means (blue): do they follow one wave?",
        f"Now it computes a wave of frequency {choice.k} of the answer.",
    )


def answer_places(k: int, n: int, layout: str) -> np.ndarray:
    """Where each group index s lies on the axis: int64 [n], s itself or k·s mod n."""
    s = np.arange(n)
    return s if layout == "source" else k * s % n


def wave_grid(k: int, n: int, layout: str) -> tuple[np.ndarray, np.ndarray]:
    """A grid fine enough for a smooth sine: group indices s, not only whole ones, and their places.

    Both float64 [m]. In the unfolded view one period fills the axis, and the place is k·s, from 0 to n.
    """
    if layout == "source":
        s = np.linspace(0, n - 1, max(SOURCE_POINTS * n // 2, 400))
        return s, s
    place = np.linspace(0, n, 400)
    return place / k, place


def _caption(view: RunView, choice: CleanChoice) -> str:
    s = view.answer_label().removesuffix(f" mod {view.n}")
    text = (
        f"How to read: each green point is one of the {view.n}² pairs (a, b); a blue dot is the mean "
        f"over the {view.n} pairs with the same answer.\nOrange is the sine that fits these means best "
        "at the moment, "
    )
    if choice.layout == "source":
        return f"{text}of any frequency k: it turns k times while {s} runs round."
    return f"{text}of any frequency k. In the order k · {s} mod {view.n} it turns once."


FILM = for_any_group(cyclic_film("clean", choose, collect, CleanAnimation, "neuron"), clean_film(choose))

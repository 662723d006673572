"""The clean film: one neuron against the answer, every pair of operands and their means."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.errors import UserError
from grokking.films.animations.clean import CleanAnimation, CleanChoice, CleanData
from grokking.films.film import (
    CYCLIC_FLAGS,
    Film,
    FilmOptions,
    curves_by_part,
    for_any_group,
    has_cyclic_group,
    open_cyclic,
)
from grokking.films.kinds.block_neurons import clean_film
from grokking.metrics.fixed_frequency_fit import fixed_sinusoids
from grokking.metrics.neurons import SinusoidFit, fit_sinusoids, fourier_strength_null, mean_by_answer
from grokking.runs.view import RunView

POINTS_PER_PERIOD = 40


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
    grid, k, n = view.grid, choice.k, view.n
    s, wave_x = wave_grid(k, n, choice.layout)
    rows: list[Any] = []
    for epoch in epochs:
        neuron = view.acts_at(epoch).neuron_grid(grid)[:, :, [choice.neuron]]
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
    frame_epochs, samples, means, wave, r2, best_r2, null = (np.array(x) for x in zip(*rows, strict=True))
    return CleanData(
        choice,
        answer_places(k, n, choice.layout),
        grid.s,
        frame_epochs,
        samples,
        means,
        wave,
        r2,
        best_r2,
        null,
        wave_x,
        accuracy=curves_by_part(view, "acc"),
        last_epoch=view.last_epoch,
        text=FigureText(
            f"Neuron {choice.neuron} at frequency {k}",
            view.config_line,
            _caption(view, choice),
            view.key_text,
        ),
        axis=view.answer_label(str(k) if choice.layout == "unfolded" else ""),
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
        s = np.linspace(0, n - 1, max(POINTS_PER_PERIOD * k, 400))
        return s, s
    place = np.linspace(0, n, 400)
    return place / k, place


def _caption(view: RunView, choice: CleanChoice) -> str:
    s = view.answer_label().removesuffix(f" mod {view.n}")
    k = choice.k
    text = (
        f"How to read: each green point is one of the {view.n}² pairs (a, b); a blue dot is the mean "
        f"over the {view.n} pairs with the same answer.\n"
    )
    if choice.layout == "source":
        return f"{text}The orange sine has frequency {k}: it turns {times(k)} while {s} runs round."
    return f"{text}Answers stand in the order of their phase, {k} · {s} mod {view.n}" + (
        f": {k} turns become one." if k > 1 else "."
    )


def times(k: int) -> str:
    """``once``, ``2 times``, …"""
    return "once" if k == 1 else f"{k} times"


FILM = for_any_group(
    Film(
        "clean",
        has_cyclic_group,
        open_cyclic,
        choose,
        collect,
        CleanAnimation,
        (*CYCLIC_FLAGS, "neuron"),
    ),
    clean_film(choose),
)

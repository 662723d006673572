"""The sine film: six neurons of several frequencies against the answer, and all neurons' fits."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.films.animations.sine import BINS, SineAnimation, SineChoice, SineData, title_of
from grokking.films.film import (
    CYCLIC_FLAGS,
    Film,
    FilmOptions,
    curve,
    curves_by_part,
    for_any_group,
    has_cyclic_group,
    open_cyclic,
)
from grokking.films.kinds.block_neurons import sine_film
from grokking.films.kinds.clean import answer_places, final_fit, wave_grid
from grokking.metrics.fixed_frequency_fit import fixed_sinusoids
from grokking.metrics.neurons import SinusoidFit, fit_sinusoids, mean_by_answer
from grokking.runs.view import RunView

N_NEURONS = 6
FEWEST_FREQUENCIES = 3


def choose(view: RunView, options: FilmOptions) -> SineChoice:
    """The best neurons of the final model, spread over its key frequencies."""
    fit = final_fit(view)
    neurons = spread_out(fit, view.keys)
    return SineChoice(np.array(neurons), fit.frequency[neurons], options.view)


def spread_out(fit: SinusoidFit, keys: Sequence[int]) -> list[int]:
    """Up to six live neurons: in turn the best one left of each frequency.

    Frequencies are the key ones, and where they are fewer than three, also those whose best
    neurons come next. Neurons of one frequency stand together, frequencies in increasing order.
    """
    ranked = [int(j) for j in np.argsort(-np.nan_to_num(fit.r2, nan=-1.0), kind="stable") if fit.alive[j]]
    found = list(dict.fromkeys(int(fit.frequency[j]) for j in ranked))
    wanted = [k for k in keys if k in found]
    wanted += [k for k in found if k not in wanted][: max(FEWEST_FREQUENCIES - len(wanted), 0)]
    queues = {k: [j for j in ranked if fit.frequency[j] == k] for k in wanted}
    chosen: list[int] = []
    while len(chosen) < N_NEURONS and any(queues.values()):
        for queue in queues.values():
            chosen += [queue.pop(0)] if queue and len(chosen) < N_NEURONS else []
    return sorted(chosen, key=lambda j: (fit.frequency[j], -fit.r2[j]))


def collect(view: RunView, choice: SineChoice, epochs: Iterable[int]) -> SineData:
    """Measure all neurons at every epoch, and keep the means of the chosen ones."""
    n, layout = view.n, choice.layout
    grids = [wave_grid(int(k), n, layout) for k in choice.frequencies]
    rows: list[Any] = []
    for epoch in epochs:
        grid = view.acts_at(epoch).neuron_grid(view.grid)
        all_means = mean_by_answer(grid, view.grid.s)
        fit, means = fit_sinusoids(all_means), all_means[:, choice.neurons]
        sine = fixed_sinusoids(means, choice.frequencies)
        strength = np.nan if fit.fourier_strength is None else fit.fourier_strength
        curves = [sine.at(s)[:, i] - sine.offset[i] for i, (s, _) in enumerate(grids)]
        rows.append(
            (epoch, means - sine.offset, curves, sine.r2, np.histogram(fit.r2[fit.alive], BINS)[0], strength)
        )
    frame_epochs, centred, waves, r2, counts, strengths = zip(*rows, strict=True)
    return SineData(
        choice,
        np.array([answer_places(int(k), n, layout) for k in choice.frequencies]),
        [place for _, place in grids],
        list(frame_epochs),
        np.array(centred),
        list(waves),
        np.array(r2),
        np.array(counts),
        np.array(strengths),
        curve(view.logged("fourier_strength_null"), "null"),
        losses=curves_by_part(view, "loss"),
        last_epoch=view.last_epoch,
        text=FigureText(
            title_of(len(choice.neurons)), view.config_line, _caption(view, choice), view.key_text
        ),
        axis=view.answer_label("k" if layout == "unfolded" else ""),
    )


def _caption(view: RunView, choice: SineChoice) -> str:
    text = (
        f"How to read: a blue dot is a neuron's mean activation over the {view.n} pairs with one "
        "answer, less its mean over all answers;\n"
        "orange is the best sine of frequency k, R² how much it explains. "
    )
    if choice.layout == "unfolded":
        return text + "Answers stand in the order of their phase: k turns become one."
    return text + "Answers stand in their plain order, so the sine turns k times."


FILM = for_any_group(
    Film("sine", has_cyclic_group, open_cyclic, choose, collect, SineAnimation, CYCLIC_FLAGS),
    sine_film(choose),
)

"""The sine film: six neurons of several frequencies against the answer, and all neurons' fits."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.films.animations.sine import SineAnimation, SineChoice, SineData, title_of
from grokking.films.film import FilmOptions, cyclic_film, for_any_group
from grokking.films.kinds.block_neurons import of_all_neurons, sine_film
from grokking.films.kinds.clean import answer_places, final_fit, wave_grid
from grokking.films.milestones import Words, milestones_of
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
    rows: list[Any] = []
    for epoch in epochs:
        grid = view.acts_at(epoch).neuron_grid(view.grid)
        all_means = mean_by_answer(grid, view.grid.s)
        fit = fit_sinusoids(all_means)
        rows.append((epoch, fit, *_shown(all_means, fit, choice)))
    frame_epochs, fits, *shown = zip(*rows, strict=True)
    k, places, centred, waves, r2 = map(np.array, shown)
    return SineData(
        choice,
        k,
        places,
        wave_grid(1, view.n, choice.layout)[1],
        list(frame_epochs),
        centred,
        waves,
        r2,
        **of_all_neurons(view, fits),
        text=FigureText(
            title_of(len(choice.neurons), "learns a sine wave", "learn sine waves"),
            view.config_line,
            _caption(view, choice),
            view.key_text,
        ),
        axis=view.answer_label("k" if choice.layout == "unfolded" else ""),
        timeline=milestones_of(view).timeline(frame_epochs, _words(view)),
    )


def _shown(all_means: np.ndarray, fit: SinusoidFit, choice: SineChoice) -> tuple[np.ndarray, ...]:
    """Of the chosen neurons: frequency [m], places [m, n], means [n, m], sines [m, w], R² [m]."""
    n, means = len(all_means), all_means[:, choice.neurons]
    k = np.where(fit.alive[choice.neurons], fit.frequency[choice.neurons], choice.frequencies)
    sine = fixed_sinusoids(means, k)
    places = np.array([answer_places(int(one), n, choice.layout) for one in k])
    grids = [wave_grid(int(one), n, choice.layout)[0] for one in k]
    waves = np.array([sine.at(s)[:, i] - sine.offset[i] for i, s in enumerate(grids)])
    return k, places, means - sine.offset, waves, sine.r2


def _words(view: RunView) -> Words:
    return Words(
        "Neurons of the network, each with the wave that fits it best. Nothing fits well yet.",
        "From here on the circuit forms. Watch the bars on the right: do they move towards 1?",
        f"Waves of {'few frequencies' if len(view.keys) > 1 else 'one frequency'}, in many phases: "
        "together they compute the answer.",
    )


def _caption(view: RunView, choice: SineChoice) -> str:
    text = (
        f"How to read: a blue dot is a neuron's mean activation over the {view.n} pairs with one "
        "answer, less its mean over all answers;\n"
        "orange is the sine that fits best at the moment, R² how much it explains. "
    )
    if choice.layout == "unfolded":
        return text + "In this order of the answers it turns once."
    return text + "It turns k times."


FILM = for_any_group(cyclic_film("sine", choose, collect, SineAnimation), sine_film(choose))

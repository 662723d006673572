"""The clean and the sine film of a group that is not cyclic: neurons against the answer, block by block.

The sine's place is taken by the neuron's part in a block, the projection of its mean by answer. Answers have
no order of their own: they stand in that of the part at the end of training, where cosets show as steps, or
by conjugacy class.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.films.animations.clean import CleanAnimation, CleanChoice, CleanData
from grokking.films.animations.sine import BINS, SineAnimation, SineChoice, SineData, title_of
from grokking.films.film import Choose, Film, FilmOptions, block_film, curve, curves_by_part
from grokking.films.milestones import Words, milestones_of
from grokking.groups.basis import BlockBasis
from grokking.metrics.neurons import (
    DEAD_ENERGY,
    SinusoidFit,
    fit_sinusoids,
    fourier_strength_null,
    mean_by_answer,
)
from grokking.runs.view import RunView


def choose_neuron(otherwise: Choose, view: RunView, options: FilmOptions) -> CleanChoice:
    """The best neuron of the final model's key blocks of degree 2 and more, if no neuron is given.

    otherwise: chooses where one is given, and where there is none.

    In a block of degree 1 every function has R² = 1 with itself, and shows two values only.
    """
    if options.neuron is None:
        fit = view.final_fit
        large = [block for block in view.keys if view.basis.blocks[block].degree > 1]
        of_large = np.isin(fit.frequency, large) & fit.alive
        if of_large.any():
            best = int(np.where(of_large, np.nan_to_num(fit.r2), -1).argmax())
            return CleanChoice(best, int(fit.frequency[best]), options.view)
    choice: CleanChoice = otherwise(view, options)
    return choice


def block_part(means: np.ndarray, basis: BlockBasis, block: int) -> tuple[np.ndarray, np.ndarray]:
    """The part of each column of means, float64 [n, m], in a block with their mean, and its R²: [n, m], [m].

    R² is the share of the energy without the mean, NaN for a dead neuron.
    """
    rows = basis.rows[basis.rows_of(block)]
    mean = means.mean(axis=0)
    part = rows.T @ (rows @ means)
    total = ((means - mean) ** 2).sum(axis=0)
    alive = total > DEAD_ENERGY
    r2 = np.where(alive, (part**2).sum(axis=0) / np.where(alive, total, 1.0), np.nan)
    return part + mean, np.minimum(r2, 1.0)


def places_of(view: RunView, neuron: int, block: int, layout: str) -> np.ndarray:
    """Where each answer stands on the axis, int64 [n]: by the neuron's final part, or by class."""
    order = np.concatenate(view.need_group().classes)
    if layout == "unfolded":
        part = block_part(_means(view, view.run.final_epoch, [neuron]), view.basis, block)[0][:, 0]
        # Rounded, so that the members of a coset stay in the order of their classes.
        scale = np.abs(part).max() or 1.0
        order = order[np.argsort(np.round(part[order] / scale, 6), kind="stable")]
    places = np.empty(view.n, dtype=np.int64)
    places[order] = np.arange(view.n)
    return places


def _means(view: RunView, epoch: int, neurons: list[int]) -> np.ndarray:
    return mean_by_answer(view.acts_at(epoch).neuron_grid(view.grid)[:, :, neurons], view.grid.s)


def collect_clean(view: RunView, choice: CleanChoice, epochs: Iterable[int]) -> CleanData:
    """Measure the neuron at every epoch; ``choice.k`` is the number of its block."""
    basis, places = view.basis, places_of(view, choice.neuron, choice.k, choice.layout)
    order = np.argsort(places)
    rows: list[Any] = []
    for epoch in epochs:
        neuron = view.acts_at(epoch).neuron_grid(view.grid)[:, :, [choice.neuron]]
        means = mean_by_answer(neuron, view.grid.s)
        part, r2 = block_part(means, basis, choice.k)
        null_r2 = fourier_strength_null(means, basis=basis)
        null_value = np.nan if null_r2 is None else null_r2
        best = fit_sinusoids(means, basis).r2[0]
        shown = (neuron.reshape(-1).cpu().numpy(), means[:, 0], part[order, 0])
        rows.append((epoch, places, *shown, r2[0], best, null_value))
    frame_epochs, x, samples, means, wave, r2, best_r2, null = map(np.array, zip(*rows, strict=True))
    label = basis.labels[choice.k]
    words = Words(
        f"Neuron {choice.neuron} on all {view.n**2:,} pairs. At first its activation has no form.",
        "From here on the circuit forms. Watch the means (blue): do they come to lie in one block?",
        f"Now its means lie in block {label}: it computes a function of one representation.",
    )
    return CleanData(
        choice,
        np.full(len(frame_epochs), choice.k),
        x,
        view.grid.s,
        frame_epochs,
        samples,
        means,
        wave,
        r2,
        best_r2,
        null,
        np.arange(view.n),
        accuracy=curves_by_part(view, "acc"),
        last_epoch=view.last_epoch,
        axis=_axis(view, choice.layout),
        text=FigureText(
            f"Neuron {choice.neuron} in block {label}",
            view.config_line,
            _clean_caption(view, choice.k),
            view.key_text,
        ),
        words=(f"part in block {label}", "this block", "best"),
        block=f"block {label}",
        timeline=milestones_of(view).timeline(frame_epochs.tolist(), words),
    )


def of_all_neurons(view: RunView, fits: Sequence[SinusoidFit]) -> dict[str, Any]:
    """What the sine film shows of all live neurons, and of the run: fields of ``SineData`` by name."""
    strengths = [np.nan if fit.fourier_strength is None else fit.fourier_strength for fit in fits]
    return {
        "counts": np.array([np.histogram(fit.r2[fit.alive], BINS)[0] for fit in fits]),
        "strength": np.array(strengths),
        "null": curve(view.logged("fourier_strength_null"), "null"),
        "losses": curves_by_part(view, "loss"),
        "last_epoch": view.last_epoch,
    }


def collect_sine(view: RunView, choice: SineChoice, epochs: Iterable[int]) -> SineData:
    """Measure all neurons at every epoch, and keep the means of the chosen ones."""
    basis, m = view.basis, len(choice.neurons)
    chosen = list(zip(choice.neurons.tolist(), choice.frequencies.tolist(), strict=True))
    places = np.array([places_of(view, j, block, choice.layout) for j, block in chosen])
    orders = np.argsort(places, axis=1)
    rows: list[Any] = []
    for epoch in epochs:
        all_means = mean_by_answer(view.acts_at(epoch).neuron_grid(view.grid), view.grid.s)
        fit, means = fit_sinusoids(all_means, basis), all_means[:, choice.neurons]
        offset = means.mean(axis=0)
        parts = [block_part(means[:, [i]], basis, chosen[i][1]) for i in range(m)]
        waves = [part[orders[i], 0] - offset[i] for i, (part, _) in enumerate(parts)]
        rows.append((epoch, fit, means - offset, waves, np.array([r2[0] for _, r2 in parts])))
    frame_epochs, fits, *shown = zip(*rows, strict=True)
    centred, curves, all_r2 = map(np.array, shown)
    words = Words(
        "Some neurons, each with its part in the block that it ends in. Little lies there yet.",
        "From here on the circuit forms. Watch the bars on the right: do they move towards 1?",
        "Few blocks hold the neurons: together they compute products of representations.",
    )
    return SineData(
        choice,
        np.tile(choice.frequencies, (len(rows), 1)),
        np.tile(places, (len(rows), 1, 1)),
        np.arange(view.n),
        list(frame_epochs),
        centred,
        curves,
        all_r2,
        **of_all_neurons(view, fits),
        axis=_axis(view, choice.layout),
        text=FigureText(
            title_of(m, "against the answer", "against the answer"),
            view.config_line,
            _sine_caption(view, choice.layout == "unfolded"),
            view.key_text,
        ),
        names=tuple(f"block {basis.labels[block]}" for _, block in chosen),
        fitted="best block",
        timeline=milestones_of(view).timeline(frame_epochs, words),
    )


def _clean_caption(view: RunView, block: int) -> str:
    label, size = view.basis.labels[block], view.basis.blocks[block].size
    return (
        f"How to read: each green point is one of the {view.n}² pairs (a, b); a blue dot is the mean over "
        f"the {view.n} pairs with the same answer;\norange is the part of these means in block {label}, "
        f"{size} of the {view.n} dimensions of functions on {view.need_group().title}."
    )


def _axis(view: RunView, layout: str) -> str:
    symbol = view.operation.symbol
    return f"{symbol}, sorted by the part" if layout == "unfolded" else f"{symbol}, by conjugacy class"


def _sine_caption(view: RunView, unfolded: bool) -> str:
    return (
        f"How to read: a blue dot is a neuron's mean activation over the {view.n} pairs with one answer, "
        "less its mean over all answers;\norange is its part in one block, R² how much that explains. "
        f"Answers stand {'in the order of the part at the end' if unfolded else 'by conjugacy class'}."
    )


def clean_film(choose: Choose) -> Film:
    """The clean film; ``choose`` is that of cyclic groups."""
    return block_film("clean", partial(choose_neuron, choose), collect_clean, CleanAnimation, "neuron")


def sine_film(choose: Choose) -> Film:
    """The sine film; ``choose`` is that of cyclic groups."""
    return block_film("sine", choose, collect_sine, SineAnimation)

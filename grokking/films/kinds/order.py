"""The film of two orders: one embedding, its spectrum and circle as one counts and by discrete logarithm."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.drawing.plane import plane_of
from grokking.errors import UserError
from grokking.films.animations.order import OrderingData, OrderingsAnimation, OrderingsData
from grokking.films.film import (
    CYCLIC_FLAGS,
    Film,
    FilmOptions,
    curves_by_part,
    for_any_group,
    has_cyclic_group,
    open_cyclic,
)
from grokking.films.kinds.partitions import FILM as PARTITIONS
from grokking.films.milestones import Words, milestones_of
from grokking.groups.cyclic import CyclicGroup, has_discrete_logarithms
from grokking.metrics.embedding import circle_coordinates, dominant_circle
from grokking.metrics.fixed_frequency_fit import mean_circle
from grokking.metrics.token_ordering import ADDITIVE, LOGARITHMIC, OrderSpectrum, order_spectrum, orders_of
from grokking.runs.run import Run
from grokking.runs.view import SUBSCRIPTS, RunView

Circle = tuple[np.ndarray, np.ndarray, float]
"""Coordinates float64 [n, 2], centre [2] and radius of a frame's circle."""


@dataclass(frozen=True)
class OrderingsChoice:
    """layout: the ``view`` of ``FilmOptions``.  generator: the primitive root, None for the smallest."""

    layout: str
    generator: int | None = None


def has_both_orders(run: Run) -> bool:
    """Whether some operation has a cyclic group, and the modulus discrete logarithms."""
    return has_cyclic_group(run) and has_discrete_logarithms(run.pair_task.p)


def open_both_orders(run: Run, options: FilmOptions) -> RunView:
    """As ``open_cyclic``; raises UserError, too, for a modulus without discrete logarithms."""
    view = open_cyclic(run, options)
    if not has_both_orders(run):
        raise UserError(
            f"the modulus of this run is {run.pair_task.p}, and only an odd prime has discrete logarithms; "
            "grokking frames circle, clean and sine show this run"
        )
    return view


def choose(_: RunView, options: FilmOptions) -> OrderingsChoice:
    """Nothing has to be chosen except the layout."""
    return OrderingsChoice(options.view)


def collect(view: RunView, choice: OrderingsChoice, epochs: Iterable[int]) -> OrderingsData:
    """Measure the embedding of every epoch in both orders."""
    groups = orders_of(view.run.pair_task.p, choice.generator)
    circles = {name: _strongest(view, group) for name, group in groups.items()}
    frame_epochs: list[int] = []
    rows: dict[str, list[tuple[OrderSpectrum, Circle]]] = {name: [] for name in groups}
    for epoch in epochs:
        acts = view.acts_at(epoch)
        frame_epochs.append(epoch)
        for name, group in groups.items():
            coordinates = circle_coordinates(acts.embedding_in(group, view.name), circles[name])
            circle = (coordinates, *mean_circle(coordinates))
            rows[name].append((order_spectrum(acts, group, view.name), circle))
    keys, unfolded = _keys(view), choice.layout == "unfolded"
    parts = {
        name: _numbers(rows[name], group, circles[name], keys.get(name, ()), unfolded)
        for name, group in groups.items()
    }
    return OrderingsData(
        parts[ADDITIVE],
        parts[LOGARITHMIC],
        np.array(frame_epochs),
        curves_by_part(view, "acc"),
        view.last_epoch,
        FigureText("One embedding, two orders of its numbers", view.config_line, CAPTION),
        milestones_of(view).timeline(frame_epochs, WORDS),
    )


def _strongest(view: RunView, group: CyclicGroup) -> int:
    """The frequency whose circle is the strongest in the final model, in the order of a group."""
    return dominant_circle(view.final_acts.embedding_in(group, view.name)) or 1


def _keys(view: RunView) -> dict[str, tuple[int, ...]]:
    """Key frequencies of the final model by order, of the operations whose group that order is."""
    found: dict[str, tuple[int, ...]] = {}
    for name in view.run.pair_task.names:
        other = view if name == view.name else view.for_operation(name)
        if other.group is not None:
            found[other.group.name] = (*found.get(other.group.name, ()), *other.keys)
    return found


def _numbers(
    rows: list[tuple[OrderSpectrum, Circle]],
    group: CyclicGroup,
    k: int,
    keys: tuple[int, ...],
    unfolded: bool,
) -> OrderingData:
    spectra = [spectrum for spectrum, _ in rows]
    plane = plane_of(group.members, k, unfolded, [circle for _, circle in rows])
    share = np.array([spectrum.share for spectrum in spectra])
    ginis, nulls = (np.array([getattr(row, name) for row in spectra]) for name in ("gini", "null"))
    return OrderingData(_title(group), share, keys, k, plane, ginis, nulls)


def _title(group: CyclicGroup) -> str:
    if group.name == ADDITIVE:
        return "0, 1, 2 …"
    return f"log_{group.generator}(x)".replace("log_", "log").translate(SUBSCRIPTS)


CAPTION = (
    "How to read: left the numbers in the order of counting, right in the order of their discrete logarithm; "
    "a bar is one\nfrequency's share of W_E. Gini: 0 if all weigh alike, near 1 if few carry all. "
    "Dashed: 95 % of shuffles lie below."
)
WORDS = Words(
    "The same numbers in two orders: as one counts, and by discrete logarithm. No order fits yet.",
    "From here on the circuit forms. Watch: in which order do few frequencies rise?",
    "The order in which the circle is whole belongs to the operation that the network learned.",
)

FILM = for_any_group(
    Film("order", has_both_orders, open_both_orders, choose, collect, OrderingsAnimation, CYCLIC_FLAGS),
    PARTITIONS,
)

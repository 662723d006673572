"""The film of two orders: one embedding, its spectrum as one counts and by discrete logarithm."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from grokking.drawing.animated_figure import FigureText
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
from grokking.groups.cyclic import has_discrete_logarithms
from grokking.metrics.token_ordering import ADDITIVE, LOGARITHMIC, OrderSpectrum, order_spectrum, orders_of
from grokking.runs.run import Run
from grokking.runs.view import SUBSCRIPTS, RunView


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
    frame_epochs: list[int] = []
    rows: dict[str, list[OrderSpectrum]] = {name: [] for name in groups}
    for epoch in epochs:
        acts = view.acts_at(epoch)
        frame_epochs.append(epoch)
        for name, group in groups.items():
            rows[name].append(order_spectrum(acts, group, view.name))
    root = groups[LOGARITHMIC].generator
    titles = {
        ADDITIVE: "In the order 0, 1, 2 …",
        LOGARITHMIC: f"In the order of log_{root}(x)".replace("log_", "log").translate(SUBSCRIPTS),
    }
    keys = _keys(view)
    parts = {name: _numbers(rows[name], titles[name], keys.get(name, ()), choice.layout) for name in groups}
    return OrderingsData(
        parts[ADDITIVE],
        parts[LOGARITHMIC],
        np.array(frame_epochs),
        choice.layout == "unfolded",
        curves_by_part(view, "acc"),
        view.last_epoch,
        FigureText("One embedding, two orders of its numbers", view.config_line, _caption(choice.layout)),
    )


def _keys(view: RunView) -> dict[str, tuple[int, ...]]:
    """Key frequencies of the final model by order, of the operations whose group that order is."""
    found: dict[str, tuple[int, ...]] = {}
    for name in view.run.pair_task.names:
        other = view if name == view.name else view.for_operation(name)
        if other.group is not None:
            found[other.group.name] = (*found.get(other.group.name, ()), *other.keys)
    return found


def _numbers(rows: list[OrderSpectrum], title: str, keys: tuple[int, ...], layout: str) -> OrderingData:
    share = np.array([row.share for row in rows])
    order = np.arange(share.shape[1])
    if layout == "unfolded":
        order = np.argsort(-share[-1], kind="stable")
    coloured = np.isin(order + 1, keys)
    ginis, nulls = (np.array([getattr(row, name) for row in rows]) for name in ("gini", "null"))
    return OrderingData(title, share[:, order], coloured, ginis, nulls)


def _caption(layout: str) -> str:
    by_rank = " By rank, no choice of primitive root shows." if layout == "unfolded" else ""
    return (
        "How to read: a bar is one frequency's share of W_E; key frequencies of the neurons are coloured."
        f"{by_rank}\nGini: 0 if all frequencies weigh alike, near 1 if few carry all; dashed: its null, "
        "below which 95 % of shuffles of the tokens lie."
    )


FILM = for_any_group(
    Film("order", has_both_orders, open_both_orders, choose, collect, OrderingsAnimation, CYCLIC_FLAGS),
    PARTITIONS,
)

"""The film of two orders: one embedding, its spectrum as one counts and by discrete logarithm."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from grokking.films.animated_figure import FigureText
from grokking.films.film import Film, FilmOptions
from grokking.films.order_picture import OrderNumbers, OrdersNumbers, OrdersPicture
from grokking.films.subject import SUBSCRIPTS, Subject
from grokking.metrics.neurons import key_frequencies, variance_shares
from grokking.metrics.token_ordering import ADDITIVE, LOGARITHMIC, OrderSpectrum, order_spectrum, orders_of


@dataclass(frozen=True)
class OrdersChoice:
    """view: as in ``FilmOptions``.  generator: the primitive root, None for the smallest."""

    view: str
    generator: int | None = None


def choose(_: Subject, options: FilmOptions) -> OrdersChoice:
    """Nothing has to be chosen beside the view."""
    return OrdersChoice(options.view)


def collect(subject: Subject, choice: OrdersChoice, epochs: Iterable[int]) -> OrdersNumbers:
    """Measure the embedding of every epoch in both orders."""
    groups = orders_of(subject.run.pair_task.p, choice.generator)
    kept: list[int] = []
    rows: dict[str, list[OrderSpectrum]] = {name: [] for name in groups}
    for epoch in epochs:
        seen = subject.run.observe(epoch)
        kept.append(epoch)
        for name, group in groups.items():
            rows[name].append(order_spectrum(seen, group, subject.operation.name))
    root = groups[LOGARITHMIC].generator
    titles = {
        ADDITIVE: "In the order 0, 1, 2 …",
        LOGARITHMIC: f"In the order of log_{root}(x)".replace("log_", "log").translate(SUBSCRIPTS),
    }
    keys = _keys(subject)
    parts = {name: _numbers(rows[name], titles[name], keys.get(name, ()), choice.view) for name in groups}
    return OrdersNumbers(
        parts[ADDITIVE],
        parts[LOGARITHMIC],
        np.array(kept),
        choice.view == "unfolded",
        subject.train_and_test("acc"),
        subject.last_epoch,
        FigureText("One embedding, two orders of its numbers", subject.config_line, _caption(choice.view)),
    )


def _keys(subject: Subject) -> dict[str, tuple[int, ...]]:
    """Key frequencies of the final model by order, of the operations whose group that order is."""
    found: dict[str, tuple[int, ...]] = {}
    for name in subject.run.pair_task.names:
        grid = subject.run.pair_task.grid(name)
        if grid is not None:
            keys = key_frequencies(variance_shares(subject.final.neuron_grid(grid)))
            found[grid.group.name] = (*found.get(grid.group.name, ()), *keys)
    return found


def _numbers(rows: list[OrderSpectrum], title: str, keys: tuple[int, ...], view: str) -> OrderNumbers:
    share = np.array([row.share for row in rows])
    order = np.arange(share.shape[1])
    if view == "unfolded":
        order = np.argsort(-share[-1], kind="stable")
    coloured = np.isin(order + 1, keys)
    ginis, nulls = (np.array([getattr(row, name) for row in rows]) for name in ("gini", "null"))
    return OrderNumbers(title, share[:, order], coloured, ginis, nulls)


def _caption(view: str) -> str:
    by_rank = " By rank, no choice of primitive root shows." if view == "unfolded" else ""
    return (
        "How to read: a bar is one frequency's share of W_E; key frequencies of the neurons are coloured."
        f"{by_rank}\nGini: 0 if all frequencies weigh alike, near 1 if few carry all; dashed: its null, "
        "below which 95 % of shuffles of the tokens lie."
    )


ORDERS = Film("order", choose, collect, OrdersPicture)

"""The circle film: token embeddings on the plane of one frequency, epoch after epoch."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.drawing.plane import plane_of
from grokking.errors import UserError
from grokking.films.animations.circle import CircleAnimation, CircleData
from grokking.films.film import FilmOptions, curve, curves_by_part, cyclic_film, for_any_group
from grokking.films.kinds.blocks import FILM as BLOCKS
from grokking.films.milestones import Words, milestones_of
from grokking.groups.basis import fourier_basis
from grokking.metrics.embedding import (
    circle_coordinates,
    embedding_circularity,
    frequency_share,
)
from grokking.metrics.fixed_frequency_fit import mean_circle
from grokking.runs.view import RunView


@dataclass(frozen=True)
class CircleChoice:
    """k: the plane's frequency in the whole film.  layout: the ``view`` of ``FilmOptions``."""

    k: int
    layout: str


def choose(view: RunView, options: FilmOptions) -> CircleChoice:
    """The given frequency, or the final model's dominant circle."""
    circles = fourier_basis(view.n).paired_frequencies
    if not circles:
        raise UserError(f"a group of order {view.n} has no circle; p must be larger")
    if options.frequency is not None and options.frequency not in circles:
        raise UserError(
            f"frequency is {options.frequency}; with group order {view.n}, circles are 1 to {circles[-1]}"
        )
    k = options.frequency or view.circle
    return CircleChoice(k or 1, options.view)


def collect(view: RunView, choice: CircleChoice, epochs: Iterable[int]) -> CircleData:
    """Measure the embedding of every epoch."""
    rows: list[Any] = []
    for epoch in epochs:
        embedding = view.acts_at(epoch).embedding(view.name)
        coordinates = circle_coordinates(embedding, choice.k)
        circle = (coordinates, *mean_circle(coordinates))
        share = frequency_share(embedding)
        rows.append((epoch, circle, embedding_circularity(embedding, choice.k), share))
    frame_epochs, circles, circularity, shares = zip(*rows, strict=True)
    return CircleData(
        choice.k,
        plane_of(view.grid.group.members, choice.k, choice.layout == "unfolded", circles),
        np.array(frame_epochs),
        np.array(circularity),
        np.array(shares),
        logged=(
            curve(view.logged("embedding_circularity"), "other_frequency"),
            curve(view.logged("embedding_circularity_null"), "null", dashed=True),
        ),
        accuracy=curves_by_part(view, "acc"),
        last_epoch=view.last_epoch,
        keys=view.keys,
        text=FigureText(
            "Numbers arrange themselves on a circle", view.config_line, _caption(view, choice), view.key_text
        ),
        timeline=milestones_of(view).timeline(frame_epochs, _words(view, choice)),
    )


def _words(view: RunView, choice: CircleChoice) -> Words:
    return Words(
        f"Each dot is one of {view.n} numbers, as the network represents it. At first they lie anywhere.",
        "From here on the circuit forms. Watch the dots: do they gather on a circle?",
        f"Neighbours on the circle differ by one step of frequency {choice.k}: numbers have become angles.",
    )


def _caption(view: RunView, choice: CircleChoice) -> str:
    members = np.sort(view.grid.group.members)
    index = view.index_label("x")
    start = (
        f"How to read: a dot is a number x from {members[0]} to {members[-1]}, seen along the cosine "
        f"and the sine of frequency {choice.k} of W_E. "
    )
    shared = gcd(choice.k, view.n)
    end = "Ring: where x would lie on a perfect circle" + (
        f"; {shared} numbers share each place, one is named." if shared > 1 else "."
    )
    if choice.layout == "source":
        some = ", ".join(map(str, members[:3]))
        return f"{start}Lines join {some}, … as you count;\ncolour goes once round with {index}. {end}"
    return (
        f"{start}Lines join neighbours\nin phase, {choice.k} · {index} mod {view.n}, "
        f"which is also the colour. {end}"
    )


FILM = for_any_group(cyclic_film("circle", choose, collect, CircleAnimation, "frequency"), BLOCKS)

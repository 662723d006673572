"""The circle film: token embeddings on the plane of one frequency, epoch after epoch."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.errors import UserError
from grokking.films.animations.circle import CircleAnimation, CircleData
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
from grokking.films.kinds.blocks import FILM as BLOCKS
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
    """k: the frequency of the whole film.  layout: the ``view`` of ``FilmOptions``."""

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
    k, n = choice.k, view.n
    rows: list[Any] = []
    for epoch in epochs:
        embedding = view.acts_at(epoch).embedding(view.name)
        coordinates = circle_coordinates(embedding, k)
        rows.append(
            (
                epoch,
                coordinates,
                *mean_circle(coordinates),
                embedding_circularity(embedding, k),
                frequency_share(embedding),
            )
        )
    frame_epochs, points, centre, radius, circularity, share = (np.array(x) for x in zip(*rows, strict=True))
    index = np.arange(n)
    phase = k * index % n / n
    unfolded = choice.layout == "unfolded"
    # Where k divides n several tokens share a phase; they are joined in group order.
    order = np.lexsort((index, k * index % n)) if unfolded else np.argsort(view.grid.group.members)
    return CircleData(
        k,
        view.grid.group.members,
        order,
        phase if unfolded else index / n,
        phase,
        frame_epochs,
        points,
        centre,
        radius,
        circularity,
        share,
        logged=(
            curve(view.logged("embedding_circularity"), "other_frequency"),
            curve(view.logged("embedding_circularity_null"), "null", dashed=True),
        ),
        accuracy=curves_by_part(view, "acc"),
        last_epoch=view.last_epoch,
        keys=view.keys,
        key_text=view.key_text,
        text=FigureText(f"Token embeddings at frequency {k}", view.config_line, _caption(view, choice)),
    )


def _caption(view: RunView, choice: CircleChoice) -> str:
    members = np.sort(view.grid.group.members)
    index = view.index_label("x")
    start = (
        f"How to read: a dot is a number x from {members[0]} to {members[-1]}, seen along the cosine "
        f"and the sine of frequency {choice.k} in W_E. "
    )
    shared = gcd(choice.k, view.n)
    end = "Rim: where x would lie on a perfect circle" + (
        f"; {shared} numbers share each place, one is named." if shared > 1 else "."
    )
    if choice.layout == "source":
        some = ", ".join(map(str, members[:3]))
        return f"{start}Lines join {some}, … as you count;\ncolour goes once round with {index}. {end}"
    return (
        f"{start}Lines join neighbours\nin phase, {choice.k} · {index} mod {view.n}, "
        f"which is also the colour. {end}"
    )


FILM = for_any_group(
    Film(
        "circle",
        has_cyclic_group,
        open_cyclic,
        choose,
        collect,
        CircleAnimation,
        (*CYCLIC_FLAGS, "frequency"),
    ),
    BLOCKS,
)

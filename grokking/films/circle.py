"""The circle film: token embeddings on the plane of one frequency, epoch after epoch."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np

from grokking.errors import UserError
from grokking.films.animated_figure import FigureText
from grokking.films.circle_picture import CircleNumbers, CirclePicture
from grokking.films.film import Film, FilmOptions
from grokking.films.subject import Subject
from grokking.groups.fourier import fourier_basis
from grokking.metrics.embedding import (
    circle_coordinates,
    dominant_circle,
    embedding_circularity,
    frequency_share,
)
from grokking.metrics.fixed_frequency_fit import mean_circle


@dataclass(frozen=True)
class CircleChoice:
    """k: the frequency of the whole film.  view: as in ``FilmOptions``."""

    k: int
    view: str


def choose(subject: Subject, options: FilmOptions) -> CircleChoice:
    """The given frequency, or the final model's dominant circle."""
    circles = fourier_basis(subject.n).paired_frequencies
    if not circles:
        raise UserError(f"a group of order {subject.n} has no circle; p must be larger")
    if options.frequency is not None and options.frequency not in circles:
        raise UserError(
            f"frequency is {options.frequency}; with group order {subject.n}, circles are 1 to {circles[-1]}"
        )
    k = options.frequency or dominant_circle(subject.final.embedding(subject.operation.name))
    return CircleChoice(k or 1, options.view)


def collect(subject: Subject, choice: CircleChoice, epochs: Iterable[int]) -> CircleNumbers:
    """Measure the embedding of every epoch."""
    k, n = choice.k, subject.n
    rows: list[Any] = []
    for epoch in epochs:
        embedding = subject.run.observe(epoch).embedding(subject.operation.name)
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
    kept, points, centre, radius, circularity, share = (np.array(x) for x in zip(*rows, strict=True))
    index = np.arange(n)
    phase = k * index % n / n
    unfolded = choice.view == "unfolded"
    # Where k divides n several tokens share a phase; they are joined in group order.
    order = np.lexsort((index, k * index % n)) if unfolded else np.argsort(subject.grid.group.members)
    return CircleNumbers(
        k,
        subject.grid.group.members,
        order,
        phase if unfolded else index / n,
        phase,
        kept,
        points,
        centre,
        radius,
        circularity,
        share,
        logged=(
            subject.logged("embedding_circularity", "other_frequency"),
            subject.logged("embedding_circularity_null", "null", dashed=True),
        ),
        accuracy=subject.train_and_test("acc"),
        last_epoch=subject.last_epoch,
        keys=subject.keys,
        key_text=subject.key_text,
        words=FigureText(
            f"Token embeddings at frequency {k}", subject.config_line, _caption(subject, choice)
        ),
    )


def _caption(subject: Subject, choice: CircleChoice) -> str:
    members = np.sort(subject.grid.group.members)
    index = subject.index_label("x")
    start = (
        f"How to read: a dot is a number x from {members[0]} to {members[-1]}, seen along the cosine "
        f"and the sine of frequency {choice.k} in W_E. "
    )
    shared = gcd(choice.k, subject.n)
    end = "Rim: where x would lie on a perfect circle" + (
        f"; {shared} numbers share each place, one is named." if shared > 1 else "."
    )
    if choice.view == "source":
        some = ", ".join(map(str, members[:3]))
        return f"{start}Lines join {some}, … as you count;\ncolour goes once round with {index}. {end}"
    return (
        f"{start}Lines join neighbours\nin phase, {choice.k} · {index} mod {subject.n}, "
        f"which is also the colour. {end}"
    )


CIRCLE = Film("circle", choose, collect, CirclePicture)

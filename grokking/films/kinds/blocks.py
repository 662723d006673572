"""The circle film of a group that is not cyclic: the tokens as one block of functions sees them.

A block whose elements lie on the orbit of a point in a plane (every two-dimensional one of a dihedral group)
shows that orbit. Any other shows which tokens are alike, with the trace of its representation beside it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokking.drawing.animated_figure import AnimatedFigure, FigureText
from grokking.drawing.panels import Curve
from grokking.drawing.plane import PlaneData
from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.films.animations.blocks import TraceAnimation, TraceData
from grokking.films.animations.circle import CircleAnimation, CircleData
from grokking.films.film import FilmOptions, block_film, curves_by_part
from grokking.films.milestones import Words, milestones_of
from grokking.groups.planes import phases, planes_of
from grokking.metrics.embedding import circularity, frequency_energy, frequency_share
from grokking.metrics.fixed_frequency_fit import mean_circle
from grokking.metrics.shuffles import N_SHUFFLES, NULL_QUANTILE, permutations_of
from grokking.metrics.token_similarity import token_cosines, trace_similarity, traces
from grokking.runs.view import RunView


@dataclass(frozen=True)
class BlockChoice:
    """block: its number, for the whole film.  layout: the ``view`` of ``FilmOptions``."""

    block: int
    layout: str


def choose_block(view: RunView, options: FilmOptions) -> BlockChoice:
    """The given block, by its label, or the key block with the largest share of the final embedding."""
    asked = options.block or (None if options.frequency is None else str(options.frequency))
    if asked is not None:
        block = view.basis.block_of(asked)
        if not block:
            others = ", ".join(view.basis.labels[1:])
            raise UserError(f"the trivial block is constant; the others are {others}")
        return BlockChoice(block, options.view)
    share = frequency_energy(view.final_acts.embedding(view.name), view.basis)
    among = view.keys or range(1, view.basis.n_blocks)
    return BlockChoice(max(among, key=lambda block: float(share[block - 1])), options.view)


def collect(view: RunView, choice: BlockChoice, epochs: Iterable[int]) -> CircleData | TraceData:
    """Measure the embedding of every epoch."""
    planes = planes_of(view.need_group(), choice.block)
    if not planes:
        return _collect_traces(view, choice, epochs)
    final = view.final_acts.embedding(view.name)
    plane = max(planes, key=lambda rows: float(((rows @ final) ** 2).sum()))
    return _collect_orbit(view, choice, plane, epochs)


def orbit_coordinates(embedding: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """Where each token lies along a plane's two functions: float64 [n, 2], in units of W_E.

    As ``circle_coordinates``, with the functions float64 [2, n] in the place of cosine and sine.
    """
    directions = plane @ embedding
    unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), np.finfo(float).tiny)
    return np.asarray(embedding @ unit.T)


def orbit_null(embedding: np.ndarray, plane: np.ndarray) -> float:
    """95 % quantile of the circularity on that plane over seeded shuffles of the tokens."""
    found = [
        float(circularity(orbit_coordinates(embedding[order], plane)))
        for order in permutations_of(len(embedding), N_SHUFFLES)
    ]
    return float(np.quantile(found, NULL_QUANTILE))


def _collect_orbit(
    view: RunView, choice: BlockChoice, plane: np.ndarray, epochs: Iterable[int]
) -> CircleData:
    group, phase = view.need_group(), phases(plane)
    rows: list[Any] = []
    for epoch in epochs:
        embedding = view.acts_at(epoch).embedding(view.name)
        points = orbit_coordinates(embedding, plane)
        share = frequency_share(embedding, view.basis)
        of_shuffles = orbit_null(embedding, plane)
        rows.append((epoch, points, *mean_circle(points), float(circularity(points)), share, of_shuffles))
    frame_epochs, points, centre, radius, roundness, share, null = map(np.array, zip(*rows, strict=True))
    every = np.arange(group.order)
    order = np.lexsort((every, phase)) if choice.layout == "unfolded" else every
    label = group.basis.labels[choice.block]
    words = Words(
        f"Each dot is one of {group.order} elements, as the network sees it. At first they lie anywhere.",
        "From here on the circuit forms. Watch the dots: do they gather on the rim?",
        f"The embedding holds block {label}: elements have become the motions of a figure.",
    )
    return CircleData(
        choice.block,
        PlaneData(np.array(group.elements), order, phase, phase, points, centre, radius),
        frame_epochs,
        roundness,
        share,
        logged=(Curve(frame_epochs, null, "null", dashed=True),),
        accuracy=curves_by_part(view, "acc"),
        last_epoch=view.last_epoch,
        keys=view.keys,
        text=FigureText(
            f"Token embeddings in block {label}", view.config_line, _orbit_caption(view, phase), view.key_text
        ),
        legend=((f"block {label}", "key_frequency"), ("null", "null")),
        axis="block",
        labels=group.basis.labels[1:],
        timeline=milestones_of(view).timeline(frame_epochs.tolist(), words),
    )


def _orbit_caption(view: RunView, phase: np.ndarray) -> str:
    group = view.need_group()
    shared = group.order // len(np.unique(phase))
    places = f"{shared} elements share each place, one is named." if shared > 1 else "each has its own place."
    return (
        f"How to read: a dot is an element x of {group.title}, seen along two functions of the block in W_E, "
        "whose plane every translation turns into itself.\n"
        f"Rim: the orbit of one point, ρ(x)·v, where x would lie; colour is the angle there; {places}"
    )


def _collect_traces(view: RunView, choice: BlockChoice, epochs: Iterable[int]) -> TraceData:
    group, block = view.need_group(), choice.block
    order = np.concatenate(group.classes)
    square = np.ix_(order, order)
    rows: list[Any] = []
    for epoch in epochs:
        embedding = view.acts_at(epoch).embedding(view.name)
        alike = trace_similarity(embedding, group, block)
        cosines = token_cosines(embedding)[square].astype(np.float32)
        share = frequency_share(embedding, view.basis)
        rows.append((epoch, cosines, alike.value, alike.null, share))
    frame_epochs, cosines, value, null, share = map(np.array, zip(*rows, strict=True))
    label = group.basis.labels[block]
    caption = (
        f"How to read: a point is a pair of elements of {group.title}, sorted by conjugacy class; left the "
        "cosine between their rows of W_E, centred;\nmiddle the trace of ρ(x)ρ(y)⁻¹ over its degree, which "
        f"is what W_E would show if block {label} were all of it. Similarity: the cosine of both."
    )
    words = Words(
        "A map of which elements the network represents alike. At first it is noise.",
        "From here on the circuit forms. Watch the map: does it come to resemble the traces?",
        f"Similarity says how near the map has come to the traces of block {label}.",
    )
    return TraceData(
        block,
        label,
        np.cumsum([len(members) for members in group.classes])[:-1],
        frame_epochs,
        cosines,
        traces(group, block)[square].astype(np.float32),
        value,
        null,
        share,
        accuracy=curves_by_part(view, "acc"),
        last_epoch=view.last_epoch,
        keys=view.keys,
        labels=group.basis.labels[1:],
        text=FigureText(
            f"Elements alike in W_E and in block {label}", view.config_line, caption, view.key_text
        ),
        timeline=milestones_of(view).timeline(frame_epochs.tolist(), words),
    )


def animate(data: CircleData | TraceData, style: Style) -> AnimatedFigure:
    """The orbit, or the traces."""
    return CircleAnimation(data, style) if isinstance(data, CircleData) else TraceAnimation(data, style)


FILM = block_film("circle", choose_block, collect, animate, "frequency", "block")

"""The order film of a group that is not cyclic: tokens sorted by conjugacy class, and by cosets."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from grokking.drawing.animated_figure import FigureText
from grokking.films.animations.partitions import PartitionAnimation, PartitionData, PartitionsData
from grokking.films.film import FilmOptions, block_film, curves_by_part
from grokking.films.milestones import Words, milestones_of
from grokking.groups.base import Group
from grokking.groups.recognise import coset_numbers
from grokking.metrics.cosets import proper_subgroups, subgroup_title
from grokking.metrics.token_similarity import WithNull, partition_share, token_cosines
from grokking.runs.view import RunView

TIE = 1e-9
"""A smaller subgroup must explain more than this beyond a larger one, whose cosets are unions of its own."""
SIDES = {"left": "x·H", "right": "H·x"}


@dataclass(frozen=True)
class Partition:
    """A way to sort the tokens. name: in words.  part_of: int64 [n], the part of each token."""

    name: str
    part_of: np.ndarray


@dataclass(frozen=True)
class PartitionChoice:
    """The conjugacy classes, and the cosets that explain most of the final embedding, if there are any."""

    partitions: tuple[Partition, ...]


def choose(view: RunView, _: FilmOptions) -> PartitionChoice:
    """Both partitions, for the whole film."""
    group = view.need_group()
    classes = Partition(f"by conjugacy class ({len(group.classes)})", group.class_of)
    found = best_cosets(view.final_acts.embedding(view.name), group)
    return PartitionChoice((classes,) if found is None else (classes, found))


def best_cosets(embedding: np.ndarray, group: Group) -> Partition | None:
    """The cosets whose means explain most of W_E beyond what as many means would explain of noise.

    embedding: float64 [n, d_model], centred.  None for a group without subgroups in between.
    """
    n, best, score = group.order, None, -np.inf
    for subgroup in proper_subgroups(group):
        for side in SIDES:
            part_of = coset_numbers(group, subgroup, side)
            parts = n // len(subgroup)
            share = float((_means(embedding, part_of) ** 2).sum() / max((embedding**2).sum(), 1e-300))
            adjusted = 1 - (1 - share) * (n - 1) / (n - parts)
            if adjusted > score + TIE:
                best, score = (subgroup, side, part_of), adjusted
    if best is None:
        return None
    subgroup, side, part_of = best
    title = subgroup_title(group, subgroup)
    named = f"a subgroup of {title}" if title.startswith("order") else f"H = {title}"
    return Partition(f"by cosets {SIDES[side]} of {named} ({part_of.max() + 1})", part_of)


def _means(embedding: np.ndarray, part_of: np.ndarray) -> np.ndarray:
    """Means of the parts, times the root of their sizes: float64 [parts, d_model]."""
    sums = np.zeros((int(part_of.max()) + 1, embedding.shape[1]))
    np.add.at(sums, part_of, embedding)
    return sums / np.sqrt(np.bincount(part_of))[:, None]


def collect(view: RunView, choice: PartitionChoice, epochs: Iterable[int]) -> PartitionsData:
    """Measure the embedding of every epoch."""
    frame_epochs: list[int] = []
    cosines: list[np.ndarray] = []
    shares: list[list[WithNull]] = []
    for epoch in epochs:
        embedding = view.acts_at(epoch).embedding(view.name)
        frame_epochs.append(epoch)
        cosines.append(token_cosines(embedding).astype(np.float32))
        shares.append([partition_share(embedding, partition.part_of) for partition in choice.partitions])
    parts = []
    for i, partition in enumerate(choice.partitions):
        value, null = (np.array([getattr(row[i], name) for row in shares]) for name in ("value", "null"))
        order = np.argsort(partition.part_of, kind="stable")
        edges = np.flatnonzero(np.diff(partition.part_of[order])) + 1
        parts.append(PartitionData(partition.name, order, edges, value, null))
    return PartitionsData(
        tuple(parts),
        np.array(frame_epochs),
        np.array(cosines),
        curves_by_part(view, "acc"),
        view.last_epoch,
        FigureText("One embedding, two orders of its elements", view.config_line, _CAPTION, view.key_text),
        milestones_of(view).timeline(frame_epochs, _WORDS),
    )


_CAPTION = (
    "How to read: a point is the cosine between the rows of W_E of two elements, centred; lines part "
    "the classes, and the cosets.\n"
    "Share: of the energy of W_E, in the means of the parts; dashed: its null, below which 95 % of shuffles "
    "of the tokens lie."
)

_WORDS = Words(
    "Which elements the network represents alike, sorted in two ways. At first both maps are noise.",
    "From here on the circuit forms. Watch for squares: elements that become alike.",
    "The order with the clearer squares shows what the network goes by: classes, or cosets.",
)

FILM = block_film("order", choose, collect, PartitionAnimation)

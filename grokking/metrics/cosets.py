"""How much of the neurons is a function of cosets (definitions, "Any finite group").

Stander et al. 2023 (arXiv 2312.06581) find neurons of networks that compose in S5 to see the first operand
only through its coset x·H and the second through H·y, for a subgroup H of the neuron's own: then the product
lies in x·H·y. Here H is the best of all subgroups, and both the number of cosets and the search are
accounted for: the share is adjusted for its degrees of freedom, and the null keeps each neuron's blocks.
"""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from grokking.groups.base import Group
from grokking.groups.recognise import all_subgroups, cosets, recognise
from grokking.metrics.block_names import composing
from grokking.metrics.neurons import DEAD_ENERGY, OWNED_SHARE
from grokking.metrics.registry import METRICS, NEURONS, PROGRESS, Metric, Row, Scope, rounded
from grokking.metrics.shuffles import NULL_QUANTILE

MOST_NEURONS = 64
"""Neurons that stand for all in the null."""
COLUMNS = ("coset_share", "coset_share_null", "coset_neurons", "coset_subgroups")
N_DRAWS = 5
DRAW_SEED = 0
TIE = 1e-6
"""Shares of float32 activations that differ by less are equal."""


@dataclass(frozen=True, eq=False)
class CosetShares:
    """Shares of each neuron's variance over all pairs in functions of (a·H, H·b).

    subgroups: of the group, sorted int64 arrays, neither {1} nor the whole group.  share: float64
    [subgroups, m].  adjusted: the same, less what as many free values would explain of noise.
    """

    subgroups: tuple[Int64[np.ndarray, "_"], ...]
    share: Float64[np.ndarray, "subgroups m"]
    adjusted: Float64[np.ndarray, "subgroups m"]

    @property
    def best(self) -> Int64[np.ndarray, "m"]:
        """The number of the subgroup with the largest adjusted share; the larger subgroup of equals."""
        return np.asarray((self.adjusted > self.of_best - TIE).argmax(axis=0))

    @property
    def of_best(self) -> Float64[np.ndarray, "m"]:
        """That adjusted share; may be below 0 for a neuron that no subgroup explains."""
        return np.asarray(self.adjusted.max(axis=0))


@lru_cache(maxsize=8)
def proper_subgroups(group: Group) -> tuple[Int64[np.ndarray, "_"], ...]:
    """All subgroups but {1} and the whole group, the largest first."""
    return tuple(h for h in reversed(all_subgroups(group)) if 1 < len(h) < group.order)


def coset_shares(grid: Float[Tensor, "n n m"], group: Group) -> CosetShares:
    """``CosetShares`` of neurons from their activations [n, n, m] over all pairs.

    Neurons that never change have shares of 0. Raises ValueError for a group of prime order, or {1}, which
    has no subgroup in between.
    """
    subgroups = proper_subgroups(group)
    if not subgroups:
        raise ValueError(f"{group.title} has no subgroups but itself and {{1}}")
    n, flat = len(grid), grid.cpu().float()
    centred = flat - flat.double().mean(dim=(0, 1)).float()
    total = centred.double().square().sum(dim=(0, 1)).numpy()
    alive = total > DEAD_ENERGY
    share, adjusted = np.zeros((2, len(subgroups), grid.shape[2]))
    for i, h in enumerate(subgroups):
        energy = coset_energy(centred, group, h)
        share[i] = np.where(alive, energy / np.where(alive, total, 1.0), 0.0)
        free = (n // len(h)) ** 2
        adjusted[i] = np.where(alive, 1 - (1 - share[i]) * (n**2 - 1) / (n**2 - free), 0.0)
    return CosetShares(subgroups, share, adjusted)


def coset_energy(
    grid: Float[Tensor, "n n m"], group: Group, subgroup: Int64[np.ndarray, "h"]
) -> Float64[np.ndarray, "m"]:
    """Energy of the means over the cells a·H × H·b: float64 [m], of grid [n, n, m]."""
    left = _indicators(cosets(group, subgroup, "left"), group.order)
    right = _indicators(cosets(group, subgroup, "right"), group.order)
    n, _, m = grid.shape
    by_a = (left @ grid.reshape(n, n * m)).view(-1, n, m)
    return np.asarray(torch.matmul(right, by_a).double().square().sum(dim=(0, 1)).numpy())


def _indicators(rows: Int64[np.ndarray, "cosets h"], n: int) -> Float[Tensor, "cosets n"]:
    """Orthonormal indicator functions of cosets."""
    found = torch.zeros(len(rows), n)
    found[torch.arange(len(rows))[:, None], torch.from_numpy(rows)] = float(rows.shape[1]) ** -0.5
    return found


def turned_within_blocks(group: Group, seed: int, side: str) -> Float[np.ndarray, "n n"]:
    """A random orthogonal map of functions that keeps each block and commutes with translations: [n, n].

    side: "left" commutes with f(x) → f(y·x), "right" with f(x) → f(x·y). A function of one block stays one;
    of functions that are constant on cosets only those of normal subgroups stay so.
    """
    table = group.table if side == "left" else group.table.T
    weights = np.random.default_rng(seed).normal(size=group.order)
    # Row x: Σ_h w_h f(x·h), a combination of translations from the other side.
    mixed = np.zeros((group.order, group.order))
    np.add.at(mixed, (np.arange(group.order)[:, None], table), weights)
    found = np.zeros_like(mixed)
    for block in range(group.basis.n_blocks):
        rows = group.basis.rows[group.basis.rows_of(block)]
        u, _, v = np.linalg.svd(rows @ mixed @ rows.T)
        found += rows.T @ (u @ v) @ rows
    return found


def coset_share_null(grid: Float[Tensor, "n n m"], group: Group) -> float:
    """95 % quantile of ``coset_share`` when neurons are turned at random within their blocks (seeded)."""
    alive = grid.double().var(dim=(0, 1)) * len(grid) ** 2 > DEAD_ENERGY
    live = alive.nonzero()[:, 0]
    chosen = np.unique(np.linspace(0, len(live) - 1, min(len(live), MOST_NEURONS)).astype(int))
    part = grid.cpu()[:, :, live[torch.from_numpy(chosen)]].float()
    n, _, m = part.shape
    scores = []
    for draw in range(N_DRAWS):
        of_a, of_b = (
            torch.from_numpy(turned_within_blocks(group, DRAW_SEED + 2 * draw + i, side)).float()
            for i, side in enumerate(("left", "right"))
        )
        by_a = (of_a @ part.reshape(n, n * m)).view(n, n, m)
        scores.append(coset_shares(torch.matmul(of_b, by_a), group).of_best.mean())
    return float(np.quantile(scores, NULL_QUANTILE))


def subgroup_title(group: Group, subgroup: Int64[np.ndarray, "h"]) -> str:
    """``S4``, or ``order 20`` for a subgroup without a name here."""
    place = np.full(group.order, -1)
    place[subgroup] = np.arange(len(subgroup))
    found = recognise(Group("subgroup", place[group.table[np.ix_(subgroup, subgroup)]]))
    return f"order {len(subgroup)}" if found is None else found.group.title


def measure_cosets(grid: Float[Tensor, "n n m"], group: Group) -> Row:
    """The columns of the metric from the activations [n, n, m] of neurons over all pairs.

    All None where the group has no subgroup in between, or no neuron ever changes.
    """
    if not proper_subgroups(group):
        return dict.fromkeys(COLUMNS)
    found = coset_shares(grid, group)
    live = found.share.max(axis=0) > 0
    if not live.any():
        return dict.fromkeys(COLUMNS)
    titles: Counter[str] = Counter()
    for number, count in Counter(found.best[live].tolist()).items():
        titles[subgroup_title(group, found.subgroups[number])] += count
    share = np.array([count for _, count in titles.most_common()]) / live.sum()
    values = (
        float(found.of_best[live].mean()),
        coset_share_null(grid, group),
        float((found.of_best[live] > OWNED_SHARE).mean()),
        dict(zip((title for title, _ in titles.most_common()), rounded(share), strict=True)),
    )
    return dict(zip(COLUMNS, values, strict=True))


def _measure(scope: Scope) -> Row:
    return measure_cosets(scope.acts.neuron_grid(scope.pairs), scope.pairs.group)


METRICS.register(
    Metric(
        "cosets",
        _measure,
        COLUMNS,
        per_operation=True,
        applies=composing,
        when=PROGRESS,
        default=False,
        needs=frozenset({NEURONS}),
        table=("coset_share", "coset_neurons"),
        rank=75,
    )
)

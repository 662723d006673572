"""Robustness: the smallest change of one embedding that flips a right answer.

Measured on the same pairs at the audited checkpoint and at the run's memorised one, by gradient
search in the whole embedding space, within the plane of the key frequencies, within random planes of
the same dimension, and along random directions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grokking.audit.verdict import IMMUNE, Check
from grokking.groups.base import Group
from grokking.metrics import robustness
from grokking.metrics.activations import ActivationCache
from grokking.metrics.embedding import circle_plane
from grokking.tasks.pairs import GroupGrid

N_PAIRS = 96
PAIR_SEED = 0
N_DIRECTIONS = 4
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


@dataclass(frozen=True)
class Target:
    """A checkpoint to attack. name: "audited" or "memorised"."""

    name: str
    epoch: int
    acts: ActivationCache


def robustness_check(
    targets: Sequence[Target], operation: str, grid: GroupGrid, rows: np.ndarray, keys: Sequence[int]
) -> Check:
    """targets: the audited checkpoint first. rows: pairs of the task to choose from."""
    chosen = _chosen(targets, grid, rows)
    question = "What share of the way to the nearest token flips an answer?"
    if not len(chosen):
        return Check("robustness", question, None, None, IMMUNE, "no right answer to flip", {"pairs": 0})
    searches = [s for t in targets for s in _attacks(t, operation, chosen, keys, grid)]
    free, chance = (_median(searches, name) for name in ("free", "random direction"))
    verdict = (
        "no flip found" if free is None else "not immune" if free < IMMUNE else "no flip closer than a token"
    )
    evidence: dict[str, Any] = {
        "null": f"{N_DIRECTIONS} random directions per pair; absent where most never flip",
        "pairs": len(chosen),
        "quantiles": list(QUANTILES),
        "searches": searches,
    }
    return Check("robustness", question, free, chance, IMMUNE, verdict, evidence)


def median_flip(acts: ActivationCache, grid: GroupGrid, rows: np.ndarray) -> float | None:
    """The value of ``robustness_check`` for one checkpoint alone, by the search in all of d_model.

    None without a right answer among ``rows``, and where most are never flipped.
    """
    chosen = _chosen([Target("audited", 0, acts)], grid, rows)
    if not len(chosen):
        return None
    tokens, answers = acts.task.tokens[chosen], torch.from_numpy(acts.task.answers[chosen])
    length = robustness.flip(robustness.Moved(acts.weights, acts.shape, tokens), answers).length
    way = robustness.nearest_token_distance(acts.weights, acts.task.p, tokens)
    return _listed(length / way)[QUANTILES.index(0.5)]


def _chosen(targets: Sequence[Target], grid: GroupGrid, rows: np.ndarray) -> np.ndarray:
    """Up to ``N_PAIRS`` of the rows that lie in the group and that every target answers right."""
    right = np.all([t.acts.losses_and_correct[1][rows] for t in targets], axis=0)
    candidates = rows[right & np.isin(rows, grid.rows)]
    rng = np.random.default_rng(PAIR_SEED)
    return np.sort(rng.choice(candidates, min(N_PAIRS, len(candidates)), replace=False))


def _attacks(
    target: Target, operation: str, rows: np.ndarray, keys: Sequence[int], grid: GroupGrid
) -> list[dict[str, Any]]:
    acts, task = target.acts, target.acts.task
    moved = robustness.Moved(acts.weights, acts.shape, task.tokens[rows])
    answers = torch.from_numpy(task.answers[rows])
    unit = robustness.nearest_token_distance(acts.weights, task.p, task.tokens[rows])
    free = robustness.flip(moved, answers).length
    lengths = {"free": free}
    plane = key_plane(acts, operation, keys, grid.group)
    if len(plane):
        drawn = robustness.random_subspace(len(plane), plane.shape[1])
        lengths["key plane"] = robustness.flip(moved, answers, plane).length
        lengths["random plane"] = robustness.flip(moved, answers, drawn).length
    # A pair has several random directions; its median stands for it.
    by_direction = robustness.random_flips(moved, answers, N_DIRECTIONS)
    lengths["random direction"] = _quantiles(by_direction, [0.5], axis=1)[0]
    finite = np.where(np.isfinite(free), free, 0.0)
    common = {"checkpoint": target.name, "epoch": target.epoch}
    d_model = moved.embedding.shape[1]
    found = [
        {
            **common,
            "search": name,
            "dimension": len(plane) if "plane" in name else d_model,
            "flipped": float(np.isfinite(length).mean()),
            "length": _listed(length),
            "over the distance to the nearest token": _listed(length / unit),
        }
        for name, length in lengths.items()
    ]
    by_chance = robustness.flipped_share(moved, answers, finite, N_DIRECTIONS)
    found[0]["flipped by random moves of the same lengths"] = by_chance
    return found


def key_plane(acts: ActivationCache, operation: str, keys: Sequence[int], group: Group) -> Tensor:
    """Orthonormal rows float32 [r, d_model] that span the circles of the key frequencies.

    Of a group that is not cyclic: what the key blocks, all of their rows, hold of the embedding.
    """
    embedding, basis = acts.embedding(operation), group.basis
    if group.is_cyclic:
        planes = [circle_plane(embedding, k) for k in keys if k in basis.paired_frequencies]
    else:
        planes = [basis.rows[basis.rows_of(block)] @ embedding for block in keys]
    if not planes:
        return torch.empty(0, embedding.shape[1])
    u, sizes, _ = np.linalg.svd(np.concatenate(planes).T, full_matrices=False)
    return torch.from_numpy(u[:, sizes > 1e-6 * sizes[0]].T.copy()).float()


def _quantiles(values: np.ndarray, q: Sequence[float], axis: int = 0) -> np.ndarray:
    """Without interpolation, since between a length and infinity there is none."""
    return np.asarray(np.quantile(values, q, axis=axis, method="higher"))


def _listed(values: np.ndarray) -> list[float | None]:
    return [float(x) if np.isfinite(x) else None for x in _quantiles(values, QUANTILES)]


def _median(searches: Sequence[dict[str, Any]], name: str) -> float | None:
    """Of the audited checkpoint, in distances to the nearest token."""
    for search in searches:
        if search["checkpoint"] == "audited" and search["search"] == name:
            return search["over the distance to the nearest token"][QUANTILES.index(0.5)]
    return None

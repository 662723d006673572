"""How much of the logits is a character of the group, and the losses of its key blocks alone.

A network that computes the trace of ρ(a) ρ(b) ρ(c)⁻¹ for some irreducible representations ρ has the logits
Σ_ρ α_ρ χ_ρ(a b c⁻¹) (Chughtai et al. 2023, arXiv 2302.03025, section 4). Their cosine with each character
says which ones it uses; the characters are orthogonal, so the squares of the cosines are shares that add up.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from grokking.groups.base import Group
from grokking.metrics.block_names import by_label, by_name, column_name, composing, every_block
from grokking.metrics.logits import GroupLogits, similarities
from grokking.metrics.neurons import keys_of
from grokking.metrics.registry import METRICS, PROGRESS, Metric, Row, Scope, with_pairs


def similarity_row(logits: GroupLogits, keys: Sequence[int]) -> Row:
    """``logit_similarity``, {label: cosine}, and ``logits_explained``, the sum of its squares over the key
    blocks.

    The logits are centred over the classes, as for ``logit_fve``, whose square root the cosine is, with a
    sign. keys: numbers of blocks; without any, nothing is explained by them and ``logits_explained`` is None.
    """
    return _row_of(logits.similarity(), logits.group, keys)


def _row_of(similarity: Float64[np.ndarray, "blocks"], group: Group, keys: Sequence[int]) -> Row:
    explained = float(sum(similarity[block - 1] ** 2 for block in keys)) if keys else None
    return {"logit_similarity": by_label(group, similarity), "logits_explained": explained}


def _similarities(scope: Scope) -> Row:
    return _row_of(similarity_of(scope), scope.pairs.group, keys_of(scope))


def similarity_of(scope: Scope) -> Float64[np.ndarray, "blocks"]:
    """``GroupLogits.similarity``; of logits too large to hold by their sums, if every class is an element."""
    acts, group = scope.acts, scope.pairs.group
    if acts.logit_sums is None or acts.shape.n_classes > group.order:
        return GroupLogits.of(acts, scope.pairs, scope.split).similarity()
    at = acts.task.names.index(scope.operation)
    table = acts.logit_sums.by_answer[at][group.members][:, group.members] / group.order
    return similarities(table, float(acts.logit_sums.energy[at]), group)


METRICS.register(
    Metric(
        "logit_similarity",
        _similarities,
        ("logit_similarity", "logits_explained"),
        per_operation=True,
        applies=composing,
        table=("logits_explained",),
        rank=70,
    )
)


def logit_measures(logits: GroupLogits, keys: Sequence[int]) -> Row:
    """Losses with and without the key blocks, and how far the logits are characters of the group.

    keys: numbers of blocks, frequencies of a cyclic group. Without any, what rests on them is None. Names
    speak of frequencies; ``grokking.metrics.block_names.column_name`` makes them speak of blocks.
    """
    fve, group = logits.fve(), logits.group
    row: Row = {**logits.full_losses(), **logits.restricted_losses(keys)}
    if "_train" in logits.parts:
        row["excluded_loss"], alone = logits.excluded_losses(keys)
        row["excluded_loss_by_frequency"] = by_name(group, keys, alone)
    row["logit_fve"] = float(fve[np.array(keys, dtype=int) - 1].sum())
    if not keys:
        # A sum over no frequency is a number, but it would measure nothing.
        row = {name: value if name.startswith("group") else None for name, value in row.items()}
    row["logit_fve_all"] = float(fve.sum())
    row["logit_fve_by_frequency"] = every_block(group, fve)
    return row | similarity_row(logits, keys)


def _measure(scope: Scope) -> Row:
    logits = GroupLogits.of(scope.acts, scope.pairs, scope.split)
    found = logit_measures(logits, scope.key_frequencies)
    return {column_name(name, logits.group): value for name, value in found.items()}


METRICS.register(
    Metric(
        "logit_measures",
        _measure,
        (
            *(
                f"{name}{part}"
                for name in ("group_loss", "restricted_loss")
                for part in ("", "_train", "_test")
            ),
            "excluded_loss",
            "excluded_loss_by_frequency",
            "excluded_loss_by_block",
            "logit_fve",
            "logit_fve_all",
            "logit_fve_by_frequency",
            "logit_fve_by_block",
            "logit_similarity",
            "logits_explained",
        ),
        per_operation=True,
        applies=with_pairs,
        when=PROGRESS,
        rank=70,
    )
)

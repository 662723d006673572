"""How much of the logits is a character of the group: the answer of a network that multiplies
representations.

A network that computes the trace of ρ(a) ρ(b) ρ(c)⁻¹ for some irreducible representations ρ has the logits
Σ_ρ α_ρ χ_ρ(a b c⁻¹) (Chughtai et al. 2023, arXiv 2302.03025, section 4). Their cosine with each character
says which ones it uses; the characters are orthogonal, so the squares of the cosines are shares that add up.
"""

from collections.abc import Sequence

from grokking.metrics.block_names import by_label, composing
from grokking.metrics.logits import GroupLogits
from grokking.metrics.neurons import keys_of
from grokking.metrics.registry import METRICS, Metric, Row, Scope


def similarity_row(logits: GroupLogits, keys: Sequence[int]) -> Row:
    """``logit_similarity``, {label: cosine}, and ``logits_explained``, the sum of its squares over the key
    blocks.

    The logits are centred over the classes, as for ``logit_fve``, whose square root the cosine is, with a
    sign. keys: numbers of blocks; without any, nothing is explained by them and ``logits_explained`` is None.
    """
    similarity = logits.similarity()
    explained = float(sum(similarity[block - 1] ** 2 for block in keys)) if keys else None
    return {"logit_similarity": by_label(logits.group, similarity), "logits_explained": explained}


def _measure(scope: Scope) -> Row:
    return similarity_row(GroupLogits.of(scope.acts, scope.pairs, scope.split), keys_of(scope))


METRICS.register(
    Metric(
        "logit_similarity",
        _measure,
        ("logit_similarity", "logits_explained"),
        per_operation=True,
        applies=composing,
        table=("logits_explained",),
        rank=70,
    )
)

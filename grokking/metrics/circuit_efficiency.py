"""How large the logits are that a network buys with its weights (definitions, "Circuit efficiency").

Varma et al. 2023 (arXiv 2309.02390) explain grokking by efficiency: at one norm of the weights the
generalising circuit gives larger logits than memory does. Here one network, hence one norm, is cut in two
by the key frequencies of the final model: the waves of the answer, which generalise, and the rest.
"""

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from grokking.metrics.block_names import with_frequencies
from grokking.metrics.logits import GroupLogits, project
from grokking.metrics.norms import weight_norm
from grokking.metrics.registry import METRICS, PROGRESS, Metric, Row, Scope

COLUMNS = (
    "logit_scale",
    "logit_scale_per_norm",
    "logit_scale_generalising",
    "logit_scale_memorising",
    "generalising_share",
)


def logit_scale(logits: Float[Tensor, "pairs n"], answers: Int64[np.ndarray, "pairs"]) -> float:
    """Mean over pairs of the right logit less the mean of all: the effective scale of the logits, nats."""
    exact = logits.double()
    right = exact.gather(1, torch.from_numpy(answers)[:, None])[:, 0]
    return float((right - exact.mean(dim=1)).mean())


def split_scale(logits: GroupLogits, keys: tuple[int, ...]) -> tuple[float, float]:
    """``logit_scale`` of P_K L and of L - P_K L, on the train pairs (all pairs without a split)."""
    chosen = logits.parts.get("_train", logits.parts[""])
    s = logits.s[chosen]
    kept = torch.from_numpy(project(logits.table, keys, logits.group.basis))[torch.from_numpy(s)]
    return logit_scale(kept, s), logit_scale(logits.logits[torch.from_numpy(chosen)].double() - kept, s)


def _measure(scope: Scope) -> Row:
    logits = GroupLogits.of(scope.acts, scope.pairs, scope.split)
    chosen = logits.parts.get("_train", logits.parts[""])
    if not chosen.any():
        return dict.fromkeys(COLUMNS)
    scale = logit_scale(logits.logits[torch.from_numpy(chosen)], logits.s[chosen])
    row: Row = {COLUMNS[0]: scale, COLUMNS[1]: scale / weight_norm(scope.acts.weights)}
    if not scope.key_frequencies:
        return row | dict.fromkeys(COLUMNS[2:])
    parts = split_scale(logits, scope.key_frequencies)
    total = sum(map(abs, parts))
    return row | dict(zip(COLUMNS[2:], (*parts, parts[0] / total if total else None), strict=True))


METRICS.register(
    Metric(
        "circuit_efficiency",
        _measure,
        COLUMNS,
        per_operation=True,
        applies=with_frequencies,
        when=PROGRESS,
        table=COLUMNS[:2],
        goals={COLUMNS[0]: float("inf"), COLUMNS[1]: float("inf"), COLUMNS[4]: 1.0},
        rank=90,
    )
)

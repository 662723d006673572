"""Heuristic or circuit: what the network does with its key frequencies alone, and without them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from grokking.audit.verdict import NEEDED, SUFFICIENT, Accuracies, Check, above, judge
from grokking.metrics.logits import GroupLogits
from grokking.metrics.mean_ablation import (
    Scores,
    excluded_scores,
    full_scores,
    heldout_scores,
    other_frequencies,
    restricted_scores,
)
from grokking.metrics.shuffles import NULL_QUANTILE

NO_KEYS = "no key frequency"
TOO_FEW = "not measurable: too few answers have a held-out pair"


def measure_accuracies(logits: GroupLogits, keys: Sequence[int]) -> Accuracies:
    """What ``judge`` needs; everything on the pairs and classes of the group."""
    part = _train_part(logits)
    heldout = _accuracy(full_scores(logits, "_test")) if "_test" in logits.parts else None
    learnt = _accuracy(full_scores(logits, part)) or 0.0
    if not keys:
        return Accuracies(learnt, heldout, None, None)
    return Accuracies(
        learnt,
        heldout,
        _accuracy(heldout_scores(logits, keys)),
        _accuracy(excluded_scores(logits, keys, part)),
    )


def ablation_checks(logits: GroupLogits, keys: Sequence[int]) -> tuple[str, list[Check]]:
    """The verdict on the checkpoint, and the two checks that it rests on."""
    found, parts = measure_accuracies(logits, keys), list(logits.parts)
    evidence = {"full": {p: _named(full_scores(logits, p)) for p in parts}}
    if keys:
        evidence["only keys"] = {
            p: _named(restricted_scores(logits.table, keys, logits.s[logits.parts[p]], logits.group.basis))
            for p in parts
        }
        evidence["without keys"] = {p: _named(excluded_scores(logits, keys, p)) for p in parts}
    known = "_test" in parts
    draws = list(other_frequencies(len(logits.table), keys, basis=logits.group.basis))
    rival = [heldout_scores(logits, other) for other in draws]
    spared = [excluded_scores(logits, other, _train_part(logits)) for other in draws]
    sufficient = Check(
        "sufficient",
        f"Do the key frequencies alone answer {'held-out' if known else 'all'} pairs?",
        found.sufficient,
        _quantile(rival, NULL_QUANTILE),
        SUFFICIENT,
        above(
            found.sufficient, SUFFICIENT, "they suffice", "they do not suffice", TOO_FEW if keys else NO_KEYS
        ),
        {
            "null": "as many other frequencies, drawn at random (seeded)",
            "averaged over": "held-out pairs" if known else "all pairs (the split is unknown)",
            **evidence,
        },
    )
    limit = NEEDED * found.learnt
    needed = Check(
        "needed",
        f"Are the {'train ' * known}answers lost without the key frequencies?",
        found.without,
        _quantile(spared, 1 - NULL_QUANTILE),
        limit,
        above(
            None if found.without is None else -found.without,
            -limit,
            "they are needed",
            "answers remain without them",
            NO_KEYS,
        ),
        {
            "null": "as many other frequencies removed, drawn at random (seeded); 5 % quantile",
            "chance": 1 / len(logits.table),
        },
    )
    return judge(found), [sufficient, needed]


def _train_part(logits: GroupLogits) -> str:
    return "_train" if "_train" in logits.parts else ""


def _accuracy(scores: Scores | None) -> float | None:
    return None if scores is None else scores[1]


def _named(scores: Scores | None) -> dict[str, Any]:
    return {} if scores is None else {"loss": scores[0], "accuracy": scores[1]}


def _quantile(scores: Sequence[Scores | None], q: float) -> float | None:
    found = [s[1] for s in scores if s is not None]
    return float(np.quantile(found, q)) if found else None

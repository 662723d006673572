"""The task of a network that no file names: its answers to all pairs, read as a multiplication table.

Which token is which element is in no file of weights. Where the answers are the table of a group, or nearly,
that table is the task: addition where it is that of the residues in their order, else composition in the
group (``grokking.groups.identify``).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from grokking.from_config import shape_of, task_of
from grokking.groups.families import MAX_ORDER
from grokking.groups.identify import TableReport, nearest_identity, read_table
from grokking.groups.table_file import table_text
from grokking.interop.detect_layout import LayoutMatch
from grokking.interop.facts import UserHints
from grokking.interop.network_config import network_config
from grokking.interop.weights import WeightInterpretation, convert_weights
from grokking.metrics.activations import ActivationCache
from grokking.models.base import Weights
from grokking.tasks.finite_group import TABLE

AGREEMENT = 0.9
"""Share of the answers that must be as in a group's table for that group to be the task."""
LIKELY = 0.5
"""Without an element that acts as identity on this share of the others nothing is searched."""


@dataclass(frozen=True)
class AnsweredGroup:
    """hints: with the task that was found.  note: what the answers say, in words.  facts: the same for
    config.json, by name.
    """

    hints: UserHints
    note: str
    facts: dict[str, Any]


def answered_group(
    match: LayoutMatch,
    raw: Weights,
    hints: UserHints,
    biases: tuple[str, ...],
    interpretation: WeightInterpretation,
) -> AnsweredGroup | None:
    """The group whose table the answers are; None where they are none, with what is usual for all else."""
    n = min(match.dims["c"], numbers_of(match, hints))
    if not 2 <= n <= MAX_ORDER:
        return None
    asked = replace(hints, task="add", p=n)
    config = network_config(match, asked, interpretation, biases)
    weights = convert_weights(match, raw, interpretation, config)
    acts = ActivationCache(weights, shape_of(config), task_of(config))
    answers = acts.guesses.reshape(n, n)
    if nearest_identity(answers)[1] < LIKELY:
        return None
    residues = np.add.outer(np.arange(n), np.arange(n)) % n
    if (answers == residues).mean() >= AGREEMENT:
        return AnsweredGroup(asked, f"task: addition modulo {n} (as the answers to all pairs say)", {})
    report = read_table(answers)
    if report.group is None or report.agreement < AGREEMENT or report.elements.renamed:
        return None
    found = replace(hints, task=TABLE, p=None, group_table=table_text(report.group))
    return AnsweredGroup(found, _in_words(report), report.facts())


def numbers_of(match: LayoutMatch, hints: UserHints) -> int:
    """How many numbers, at most, a network of one operation has as operands."""
    read = 0 if match.layout.model == "mlp" or match.dims["x"] == 2 else 1
    return (match.dims["v"] - read) // (2 if hints.separate_vocabularies else 1)


def _in_words(report: TableReport) -> str:
    n, known = len(report.elements.table), report.recognition
    name = known.group.title if known else f"a group of order {n} without a name here"
    return (
        f"task: composition in {name} ({report.agreement:.2%} of the answers to all pairs are its table: {n} "
        f"elements, {report.commuting_pairs} commuting pairs; which token is which element is known up to an "
        "automorphism)"
    )

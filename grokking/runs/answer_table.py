"""The multiplication table that a network answers, and which group it is: what ``grokking identify`` says."""

from pathlib import Path

import numpy as np

from grokking.errors import UserError
from grokking.groups.identify import TableReport, read_table
from grokking.runs.run import Run
from grokking.runs.view import RunView

MOST_CLASSES = 12


def answer_table(view: RunView) -> np.ndarray:
    """The number answered to each pair (a, b), by argmax over the p answers: int64 [p, p].

    Raises UserError where some pair is never asked, as b = 0 in a division.
    """
    task = view.run.pair_task
    if len(view.rows) != task.p**2:
        raise UserError(
            f"the answers to {view.operation.symbol} are no table: {len(view.rows):,} of {task.p**2:,} pairs "
            "are asked; identify reads operations that are asked of every pair, such as add or a group's"
        )
    table = np.empty((task.p, task.p), dtype=np.int64)
    a, b = task.operands[view.rows].T
    table[a, b] = view.acts.guesses[view.rows]
    return table


def identify(path: Path, epoch: int | None = None, operation: str | None = None) -> list[str]:
    """Lines for a person on the table that a checkpoint answers, the last by default.

    Raises UserError for a run whose answers are no table.
    """
    view = RunView(Run(path), operation, epoch)
    report = read_table(answer_table(view))
    head = f"{view.name} at epoch {view.epoch}: {_verdict(report)}"
    return [head, *(f"  {name}: {value}" for name, value in _facts(report).items())]


def _verdict(report: TableReport) -> str:
    if report.group is None:
        return "the answers are near no group's multiplication table"
    name = (
        report.group.title
        if report.recognition
        else f"a group of order {report.group.order} without a name here"
    )
    if report.is_group:
        return f"the answers are the multiplication table of {name}"
    return f"{report.agreement:.4%} of the answers are as in the multiplication table of {name}".replace(
        "%", " %"
    )


def _facts(report: TableReport) -> dict[str, str]:
    """What was tested, in the words of a group's axioms."""
    m, names = len(report.elements.table), report.elements.answers
    tested = "all" if report.exact else f"{report.triples:,} drawn"
    facts = {
        "order": f"{m}",
        "closure": f"{report.closure:.6g} of the answers are elements",
        "identity": f"{names[report.identity]}, in {report.identity_holds:.6g} of its products",
        "inverses": f"{report.inverses:.6g} of the elements have one",
        "associativity": f"violated in {report.associativity_violated:.6g} of {tested} triples",
        "commuting pairs": f"{report.commuting_pairs:,} of {m * m:,}",
    }
    if report.group is not None:
        sizes = [len(members) for members in report.group.classes]
        shown = ", ".join(map(str, sizes[:MOST_CLASSES])) + ", …" * (len(sizes) > MOST_CLASSES)
        facts["conjugacy classes"] = f"{len(sizes)}, of sizes {shown}"
    if report.elements.renamed:
        facts["names"] = "operands and answers name the elements differently"
    return facts

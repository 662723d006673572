"""How the runs of a sweep learn: counts of the four phases by cell, for a report."""

from collections import Counter
from collections.abc import Sequence

from grokking.metrics.learning_phases import PHASES, phase_of_run
from grokking.runs.run import Run
from grokking.sweep.collect_results import Cell, Result
from grokking.sweep.tables import markdown_table

CAPTION = """\
Phases of Liu et al. 2022, from logged rows: an accuracy counts as reached at 0.9, and test accuracy is
late if it comes 1,000 updates or more after train accuracy. Comprehension: both reached, test not late.
Grokking: test late. Memorisation: train alone. Confusion: neither."""


def count_phases(results: Sequence[Result]) -> Counter[str]:
    """How many runs are in each phase; runs with an unknown split, or not over yet, count nowhere."""
    found = (phase_of_run(Run(result.path).history) for result in results if result.over)
    return Counter(phase for phase in found if phase is not None)


def phases_by_cell(by: Sequence[str], grouped: Sequence[Cell]) -> str:
    """A table of counts, one row per cell. by: the fields that vary."""
    rows = []
    for cell in grouped:
        counts = count_phases(cell.results)
        rows.append((*cell.key, *(counts[phase] for phase in PHASES)))
    return markdown_table((*by, *PHASES), rows)

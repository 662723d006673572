"""What the sources say of curves, phases and circles (second source, tasks 1 and 3), held against runs.

    python -m benchmarks.claims RUN_DIR RUN_DIR ...

Prints one row per quantity and one column per run, then medians and ranges by modulus. Runs of one operation
that have progress.json (grokking train makes it at its end); losses are in nats.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quantities import COURSES, Value, Values, circles, circuit, course, leads, transition
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.errors import UserError
from grokking.metrics.phases import phases_of_run
from grokking.runs.progress_measures import read_progress
from grokking.runs.run import Run
from grokking.sweep.tables import markdown_table


def measured(run: Run) -> Values:
    """Every quantity of one run; None where it does not exist or was not reached.

    Raises UserError for a run without progress measures of one operation.
    """
    if len(run.pair_task.names) > 1:
        raise UserError(f"{run.name} is a run of {run.config.task}; this reads runs of one operation")
    history, progress = run.history, read_progress(run)
    if "excluded_loss" not in progress or history.get("test_acc") is None:
        raise UserError(
            f"{run.name} has no excluded loss or no test accuracy: its split is not known, or "
            f"{run.pair_task.names[0]} has no cyclic group"
        )
    phases = phases_of_run(history, progress)
    found = transition(history)
    found |= {"circuit formation begins": phases.circuit_formation, "cleanup begins": phases.cleanup}
    for name, label in COURSES.items():
        found |= course(label, progress["epochs"], progress[name], phases)
    return found | leads(run, progress) | circles(run, phases) | circuit(run, progress)


def table(runs: Sequence[Run]) -> str:
    """Markdown: quantities by runs, with the median and range of each modulus, the largest first."""
    moduli = sorted({run.config.p for run in runs}, reverse=True)
    found = [measured(run) for run in runs]
    header = ["", *(run.name for run in runs), *(f"p = {p}: median (range), n" for p in moduli)]
    rows = []
    for name in found[0]:
        by_modulus = {
            p: [values[name] for values, run in zip(found, runs, strict=True) if run.config.p == p]
            for p in moduli
        }
        rows.append([name, *(_shown(values[name]) for values in found), *map(summary, by_modulus.values())])
    return markdown_table(header, rows)


def _shown(value: Value) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}"


def summary(values: Sequence[Value]) -> str:
    """Median and range; where some runs lack the value no median, which would be of the others alone."""
    known = [value for value in values if isinstance(value, float | int)]
    if not known:
        return "–"
    spread = f"{min(known):.4g} – {max(known):.4g}"
    if len(known) < len(values):
        return f"{spread} in {len(known)} of {len(values)}"
    return f"{statistics.median(known):.4g} ({spread}), {len(known)}"


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    print(table([Run(path) for path in parser.read().runs]))


if __name__ == "__main__":
    run_script(main)

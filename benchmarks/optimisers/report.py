"""Tables and figures of the comparison from its two small tables alone, without the runs.

    python -m benchmarks.optimisers.report --output_dir results/optimisers

Prints the tables in markdown; draws what the table has runs for.
"""

import argparse
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.optimisers import cost, table
from benchmarks.optimisers.figures import (
    draw_circuits,
    draw_epochs_and_seconds,
    draw_phases,
    draw_sensitivity,
    draw_survival,
)
from benchmarks.optimisers.methods import METHODS, REFERENCE
from benchmarks.optimisers.phases import PHASES, PUBLISHED, critical_decays, phase_of
from benchmarks.optimisers.plan import CHOSEN, DEFAULT, TASKS, TUNING
from benchmarks.optimisers.run import PHASE
from benchmarks.optimisers.statistics import Compared, Row, compare, of
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.sweep.tables import ABSENT, markdown_table, median_text

HEADER = (
    *("method", "n", "grokked", "diverged", "median epoch (95 % band)", "restricted mean"),
    *("ratio to AdamW (95 %)", "P (Holm)", "cost of an epoch", "ratio in seconds"),
    *("last test accuracy", "key frequencies", "norm", "collapsed"),
)


def read_costs(path: Path, setting: str = "p59") -> dict[str, float]:
    """Processor time of an epoch relative to AdamW's, by method; empty without a table."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {r["method"]: float(r["cost"]) for r in csv.DictReader(file) if r["setting"] == setting}


def comparison(rows: Sequence[Row], stage: str, task: str, costs: Mapping[str, float]) -> str:
    """One stage of one task, every method against AdamW of the same stage."""
    by_method = {name: of(rows, stage=stage, task=task, method=name) for name in METHODS}
    found = compare(by_method, by_method[REFERENCE])
    return markdown_table(HEADER, [_line(c, costs.get(c.method)) for c in found])


def _line(c: Compared, each: float | None) -> list[Any]:
    ratio = ABSENT if c.ratio is None else f"{c.ratio:.2f} ({c.low:.2f} – {c.high:.2f})"
    seconds = ABSENT if c.ratio is None or each is None else f"{c.ratio * each:.2f}"
    return [
        *(c.method, c.n, c.grokked, c.diverged, median_text(c.median), f"{c.mean:.0f}"),
        *(ratio, None if c.p is None else f"{c.p:.4f}", None if each is None else f"{each:.2f}", seconds),
        *(
            None if c.accuracy is None else f"{c.accuracy:.3f}",
            c.keys,
            None if c.norm is None else f"{c.norm:.1f}",
        ),
        f"{c.collapsed} of {c.watched}" if c.watched else ABSENT,
    ]


def sensitivity(rows: Sequence[Row], task: str) -> str:
    """Best, median and worst configuration of what tuning tried, by mean time, and the default's."""
    lines = []
    for name in METHODS:
        by_index: dict[int, list[float]] = {}
        for row in of(rows, stage=TUNING, task=task, method=name):
            by_index.setdefault(row["index"], []).append(row["time"])
        means = sorted(sum(v) / len(v) for v in by_index.values())
        if means:
            lines.append([name, len(means), *(f"{means[i]:.0f}" for i in (0, len(means) // 2, -1))])
    return markdown_table(("method", "configurations", "best", "median", "worst"), lines) if lines else ""


def phase_tables(rows: Sequence[Row]) -> list[str]:
    """How many runs are in each phase, and the critical decay of every fraction beside the published."""
    counts = [[phase, sum(phase_of(row) == phase for row in rows)] for phase in PHASES]
    decays = [
        [f"{c.fraction:g}", c.n, f"{c.value:.3g} ({c.low:.3g} – {c.high:.3g})"] for c in critical_decays(rows)
    ]
    published = f"{PUBLISHED[0]:g} ({PUBLISHED[1]:g} – {PUBLISHED[2]:g})"
    return [
        markdown_table(("phase", "runs"), counts),
        markdown_table(("fraction", "n", "critical decay (95 %)"), [*decays, ["published", None, published]]),
    ]


def sections(rows: Sequence[Row], costs: Mapping[str, float]) -> list[str]:
    """All tables, each under its heading; those without runs are left out."""
    found = []
    for task in TASKS:
        for stage in (CHOSEN, DEFAULT):
            if of(rows, stage=stage, task=task):
                found += [f"## {task}, {stage} configuration", comparison(rows, stage, task, costs)]
        if of(rows, stage=TUNING, task=task):
            found += [f"## {task}, sensitivity to tuning", sensitivity(rows, task)]
    if phase := of(rows, stage=PHASE):
        found += ["## Phase diagram", *phase_tables(phase)]
    return found


def draw(rows: Sequence[Row], costs: Mapping[str, float], folder: Path) -> list[Path]:
    """Every figure that there are runs for."""
    stages = [s for s in (CHOSEN, DEFAULT) if of(rows, stage=s)]
    tasks = [t for t in TASKS if any(of(rows, stage=s, task=t) for s in stages)]
    drawn = [draw_survival(rows, stages, tasks, folder / "survival.png")] if stages else []
    for task in tasks:
        some = [s for s in stages if of(rows, stage=s, task=task)]
        if costs:
            drawn.append(draw_epochs_and_seconds(rows, costs, some, task, folder / f"seconds_{task}.png"))
        drawn.append(draw_circuits(rows, task, folder / f"circuits_{task}.png"))
    for task in TASKS:
        if of(rows, stage=TUNING, task=task):
            drawn.append(draw_sensitivity(rows, task, folder / f"sensitivity_{task}.png"))
    if phase := of(rows, stage=PHASE):
        drawn.append(draw_phases(phase, critical_decays(phase), folder / "phase_diagram.png"))
    return drawn


def main() -> None:
    """Print tables, then the paths of the figures."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=table.TABLE, help="default: %(default)s")
    parser.add_argument("--costs", type=Path, default=cost.TABLE, help="default: %(default)s")
    parser.add_argument("--output_dir", type=Path, default=table.TABLE.parent, help="default: %(default)s")
    args = parser.read()
    rows, costs = table.read_table(args.runs), read_costs(args.costs)
    print("\n\n".join([f"{len(rows)} runs", *sections(rows, costs)]))
    for path in draw(rows, costs, args.output_dir):
        print(path)


if __name__ == "__main__":
    run_script(main)

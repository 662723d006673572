"""The page of results, written from the two small tables: what is measured so far, and what is missing.

python -m benchmarks.optimisers.page > results/optimisers.md
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.optimisers import cost, table
from benchmarks.optimisers.methods import METHODS, N_DRAWS, REFERENCE
from benchmarks.optimisers.outcomes import GROKKED
from benchmarks.optimisers.plan import (
    CHOSEN,
    CONFIRM,
    DEFAULT,
    FINAL_SEEDS,
    TASKS,
    TUNING,
    TUNING_SEEDS,
    phase_diagram,
)
from benchmarks.optimisers.report import read_costs, sections
from benchmarks.optimisers.run import PHASE
from benchmarks.optimisers.statistics import FEWEST, Compared, Row, compare, of
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.storage.provenance import versions

ALPHA = 0.05
HOW = """\
Protocol, methods and definitions: [../docs/optimisers.md](../docs/optimisers.md), committed before the first
run. A run that never grokked stays in with its budget of epochs; a ratio below 1 means that the method is
faster than AdamW of the same stage. Intervals are bootstrapped over seeds, P values are Holm-corrected over
the methods of a table, medians are Kaplan–Meier estimates. *Cost of an epoch*: processor time relative to
AdamW's, methods interleaved (`optimisers/cost.csv`). Machine class: two-core x86-64 Linux, shared with other
programs."""
COMMANDS = """\
## Commands

    python -m benchmarks.optimisers.run FOLDER          makes what is missing; goes on after an interruption
    python -m benchmarks.optimisers.table FOLDER        the runs as results/optimisers/runs.csv
    python -m benchmarks.optimisers.cost                results/optimisers/cost.csv; with --p113 at p = 113
    python -m benchmarks.optimisers.report              every figure and table, from these two files alone
    python -m benchmarks.optimisers.page                this page
    python -m benchmarks.optimisers.cost --occupancy    how busy a sweep keeps the cores; runs per hour"""


def answer(rows: Sequence[Row]) -> str:
    """What makes grokking faster, in a paragraph, as far as there are runs."""
    said = [text for task in TASKS for stage in (CHOSEN, DEFAULT) if (text := _of(rows, stage, task))]
    if said:
        return " ".join(said)
    begun = [text for task in TASKS for stage in (CHOSEN, DEFAULT) if (text := _so_far(rows, stage, task))]
    return " ".join([f"Not answered yet: too few methods have {FEWEST} seeds.", *begun])


def _so_far(rows: Sequence[Row], stage: str, task: str) -> str:
    """How many runs of each method grokked, where nothing more can be said."""
    by_method = {name: of(rows, stage=stage, task=task, method=name) for name in METHODS}
    counts = [
        f"`{name}` {sum(run['state'] == GROKKED for run in runs)} of {len(runs)}"
        for name, runs in by_method.items()
        if runs
    ]
    return (
        f"So far, runs that grokked on `{task}`, {stage} configurations: {', '.join(counts)}."
        if counts
        else ""
    )


def _of(rows: Sequence[Row], stage: str, task: str) -> str:
    by_method = {name: of(rows, stage=stage, task=task, method=name) for name in METHODS}
    some = {name: runs for name, runs in by_method.items() if len(runs) >= FEWEST}
    if REFERENCE not in some or len(some) < 2:
        return ""
    found = {c.method: c for c in compare(some, some[REFERENCE]) if c.ratio is not None}
    groups = {
        "faster than AdamW": [c for c in found.values() if _differs(c) and _ratio(c) < 1],
        "slower": [c for c in found.values() if _differs(c) and _ratio(c) > 1],
        "not told apart from it": [c for c in found.values() if not _differs(c)],
    }
    parts = [f"{what}: {_listed(group)}" for what, group in groups.items() if group]
    n = sorted({len(runs) for runs in some.values()})
    seeds = f"{n[0]}" if len(n) == 1 else f"{n[0]} – {n[-1]}"
    what = "tuned with the same budget" if stage == CHOSEN else "at the defaults of their sources"
    return f"On `{task}`, with the methods {what} (n = {seeds} seeds each), {'; '.join(parts)}."


def _differs(c: Compared) -> bool:
    return c.p is not None and c.p < ALPHA


def _ratio(c: Compared) -> float:
    return 1.0 if c.ratio is None else c.ratio


def _listed(group: Sequence[Compared]) -> str:
    order = sorted(group, key=_ratio)
    return ", ".join(f"`{c.method}` (× {_ratio(c):.2f}, {c.low:.2f} – {c.high:.2f})" for c in order)


def missing(rows: Sequence[Row]) -> str:
    """How many runs of each stage there are, of how many the protocol asks for."""
    n = len(METHODS) * len(TASKS)
    asked = {
        DEFAULT: n * len(FINAL_SEEDS),
        TUNING: n * N_DRAWS * len(TUNING_SEEDS),
        CHOSEN: n * len(FINAL_SEEDS),
        PHASE: len(phase_diagram()),
        CONFIRM: 40,
    }
    counts = [f"{stage} {len(of(rows, stage=stage))} of {total}" for stage, total in asked.items()]
    text = f"Runs so far: {len(rows)} of {sum(asked.values())} ({', '.join(counts)})."
    lacking = (
        ""
        if len(rows) == sum(asked.values())
        else " The rest is still to be made, by the first command below."
    )
    return text + lacking


def page(rows: Sequence[Row], costs: Mapping[str, float], folder: Path) -> str:
    """The whole page."""
    figures = sorted(path.name for path in folder.glob("*.png"))
    pictures = "\n\n".join(f"![{name.removesuffix('.png')}](optimisers/{name})" for name in figures)
    parts = [
        "# What makes grokking faster?",
        answer(rows),
        missing(rows),
        f"{HOW} Versions: {', '.join(f'{name} {text}' for name, text in versions().items() if text)}.",
        *sections(rows, costs),
        "## Figures",
        pictures,
        COMMANDS,
    ]
    return "\n\n".join(part for part in parts if part)


def main() -> None:
    """Print the page."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=table.TABLE, help="default: %(default)s")
    parser.add_argument("--costs", type=Path, default=cost.TABLE, help="default: %(default)s")
    args = parser.read()
    print(page(table.read_table(args.runs), read_costs(args.costs), args.runs.parent))


if __name__ == "__main__":
    run_script(main)

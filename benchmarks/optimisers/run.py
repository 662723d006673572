"""Make the runs of the comparison, or go on with them: stage by stage, each a sweep (docs/optimisers.md).

    python -m benchmarks.optimisers.run FOLDER
    python -m benchmarks.optimisers.run FOLDER --tasks add --stages default --jobs 1

The same command goes on after an interruption; several may work on one folder. What is there at any time
becomes a table by ``python -m benchmarks.optimisers.table FOLDER``.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.optimisers.methods import METHODS, N_DRAWS, REFERENCE
from benchmarks.optimisers.outcomes import Outcome, read_outcome, read_outcomes
from benchmarks.optimisers.plan import (
    CHOSEN,
    CONFIRM,
    CONFIRM_TASK,
    DEFAULT,
    FASTEST,
    FINAL_SEEDS,
    TASKS,
    TUNING,
    Planned,
    afterwards,
    confirmation,
    defaults,
    every_rung,
    finals,
    phase_diagram,
    rung,
)
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.errors import UserError, warn
from grokking.storage.provenance import command_line
from grokking.storage.run_directory import RunDirectory, run_path
from grokking.sweep.executors import ExecutorConfig
from grokking.sweep.runner import Sweep, run_sweep

AFTER, PHASE = "after", "phase"
STAGES = (DEFAULT, TUNING, CHOSEN, AFTER, PHASE, CONFIRM)


def make(planned: Sequence[Planned], folder: Path, where: ExecutorConfig) -> None:
    """Train the runs that are not over; those that diverged are over, and are counted.

    Raises UserError for a run that failed in another way.
    """
    waiting = {p.name: p for p in planned if read_outcome(p, folder) is None}
    if not waiting:
        return
    runs = {name: p.config for name, p in waiting.items()}
    try:
        run_sweep(Sweep(runs, folder, where=where, device="cpu", command=command_line()))
    except UserError as error:
        if any(read_outcome(p, folder) is None for p in waiting.values()):
            raise
        warn(f"counted as diverged: {error}")


def train_on(planned: Sequence[Planned], folder: Path, where: ExecutorConfig) -> None:
    """Train runs that have grokked to the end of their epochs."""
    short = [p for p in planned if RunDirectory(run_path(folder, p.name)).epochs()[-1] < p.config.n_epochs]
    if short:
        run_sweep(
            Sweep({p.name: p.config for p in short}, folder, False, where, "cpu", command=command_line())
        )


def best(outcomes: Sequence[Outcome], n: int) -> list[int]:
    """The ``n`` configurations with the least mean time; of equals, those with the best test accuracy.

    A run that has not grokked counts with its budget.
    """
    by_index: dict[int, list[Outcome]] = {}
    for outcome in outcomes:
        by_index.setdefault(outcome.planned.index, []).append(outcome)

    def key(index: int) -> tuple[float, float, int]:
        some = by_index[index]
        accuracy = sum(o.last("test_acc") or 0.0 for o in some) / len(some)
        return sum(o.time for o in some) / len(some), -accuracy, index

    return sorted(by_index, key=key)[:n]


def tune(
    task: str, method: str, folder: Path, where: ExecutorConfig | None = None
) -> tuple[int | None, list[Planned]]:
    """Successive halving: the chosen configuration, and the runs that led to it.

    where: on what missing runs are made; None: they are not, and without them nothing is chosen.
    """
    indices, made = list(range(N_DRAWS)), list[Planned]()
    for n_epochs, kept in every_rung():
        planned = rung(task, method, indices, n_epochs)
        if where is not None:
            make(planned, folder, where)
        outcomes = read_outcomes(planned, folder)
        made = [p for p in made if p.name not in {q.name for q in planned}] + planned
        if len(outcomes) < len(planned):
            return None, made
        indices = best(outcomes, kept)
    return indices[0], made


def chosen(tasks: Sequence[str], folder: Path) -> dict[tuple[str, str], int]:
    """The configuration that tuning chose, by task and method, where it has."""
    found = {(task, name): tune(task, name, folder)[0] for task in tasks for name in METHODS}
    return {key: index for key, index in found.items() if index is not None}


def fastest(folder: Path) -> dict[str, int]:
    """AdamW and the methods with the least mean time over all fresh seeds, with their chosen configurations.

    Empty while these runs are not over.
    """
    index = chosen([CONFIRM_TASK], folder)
    outcomes = read_outcomes(finals(CHOSEN, [CONFIRM_TASK], index), folder)
    if len(outcomes) < len(METHODS) * len(FINAL_SEEDS):
        return {}
    total = dict.fromkeys(METHODS, 0)
    for outcome in outcomes:
        total[outcome.planned.method] += outcome.time
    order = sorted((name for name in METHODS if name != REFERENCE), key=lambda name: total[name])
    return {name: index[CONFIRM_TASK, name] for name in (REFERENCE, *order[:FASTEST])}


def run_stage(stage: str, tasks: Sequence[str], folder: Path, where: ExecutorConfig) -> None:
    """All runs of one stage."""
    if stage == DEFAULT:
        make(defaults(tasks), folder, where)
    elif stage == TUNING:
        for task in tasks:
            for method in METHODS:
                tune(task, method, folder, where)
    elif stage == CHOSEN:
        make(finals(CHOSEN, tasks, chosen(tasks, folder)), folder, where)
    elif stage == AFTER:
        outcomes = read_outcomes(finals(CHOSEN, tasks, chosen(tasks, folder)), folder)
        train_on(afterwards(outcomes), folder, where)
    elif stage == CONFIRM:
        make(confirmation(fastest(folder)), folder, where)
    else:
        make(phase_diagram(), folder, where)


def main() -> None:
    """Stages in the order in which they are given."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the runs")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    parser.add_argument("--jobs", type=int, help="runs at a time; default: one per processor")
    parser.add_argument("--backend", default="processes", help="as of grokking sweep; default: %(default)s")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="as of grokking sweep")
    args = parser.read()
    where = ExecutorConfig(args.backend, args.jobs, 1, args.scheduler)
    for stage in args.stages:
        run_stage(stage, args.tasks, args.folder, where)


if __name__ == "__main__":
    run_script(main)

"""The table of results/speed.md: from a command to its curve, and to many of them.

    python -m benchmarks.speed_table                         every row, on a machine that does nothing else
    python -m benchmarks.speed_table --rows help evaluation  some
    python -m benchmarks.speed_table --list                  their names

Prints Markdown: what is waited for, the aim, and what was measured, as medians with their range over rounds.
A row is printed when it is measured; one that fails says so and the others go on.
"""

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import waits
from benchmarks.gradients import distance, flipped
from benchmarks.measure import Timing, in_turn
from benchmarks.step import CALLS, evaluation, matrix_rate, multiply_adds, update, updates
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.config import RunConfig, preset
from grokking.engines.threads import available_threads
from grokking.errors import UserError
from grokking.storage.provenance import git_commit, machine, versions
from grokking.storage.run_directory import RunDirectory
from grokking.training.loop import Job, train
from tests.training.exact import engine_gradient, exact_gradient, train_pairs

WHOLE = 500
"""Epochs of the whole run."""
N_GRADIENTS = 9
"""Kept epochs at which gradients are compared: the last third of the recorded run, evenly."""


@dataclass(frozen=True)
class Row:
    """what: is waited for.  aim: in words.  measure: the cell, given a number of rounds."""

    what: str
    aim: str
    measure: Callable[[int], str]


def step_rounds(rounds: int, *names: str) -> dict[str, Timing]:
    """Seconds of one update by each engine named, at p = 113."""
    timing = in_turn({name: (update(RunConfig(), name), CALLS[name]) for name in names}, rounds)
    return {name: timing[name].of_each(updates(name)) for name in names}


def step(rounds: int) -> str:
    """The compiled update against the plain one, and its share of the machine's matrix rate."""
    timing = step_rounds(rounds, "reference", "numba")
    used = 2 * multiply_adds(RunConfig()) / timing["numba"].median
    share = used / (2 * 2048**3 / matrix_rate().median)
    return f"{timing['numba'].ratio(timing['reference'])}; {share:.0%} of the matrix rate"


def evaluated(rounds: int) -> str:
    """Evaluating the test pairs, in updates."""
    config = RunConfig()
    calls = {"update": (update(config, "numba"), 3), "evaluation": (evaluation(config, "numba"), 20)}
    timing = in_turn(calls, rounds)
    return f"{timing['update'].of_each(updates('numba')).ratio(timing['evaluation'])} of an update"


def whole_run(rounds: int) -> str:
    """The first epochs of the preset ``nanda`` with all that a run does, against as many bare updates."""
    config = preset("nanda", n_epochs=WHOLE)

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            train([Job(config, RunDirectory(Path(folder) / "nanda"))], shown=False)

    calls = {"bare": (update(config, "numba"), WHOLE // updates("numba")), "run": (run, 1)}
    timing = in_turn(calls, rounds)
    return f"{timing['bare'].of_each(updates('numba')).ratio(timing['run'].of_each(WHOLE))} times"


def gradient_error(_: int) -> str:
    """Error of the compiled gradient over that of the plain one, near convergence, where no neuron flips."""
    directory = RunDirectory(waits.RECORDED / "addition")
    config, kept = directory.config(), directory.epochs()
    last = kept[2 * len(kept) // 3 :]
    epochs = sorted({last[i * (len(last) - 1) // (N_GRADIENTS - 1)] for i in range(N_GRADIENTS)})
    pairs, ratios = train_pairs(config), []
    for epoch in epochs:
        weights = directory.load(epoch).weights
        if any(flipped(config, pairs, weights)[0]):
            continue
        exact = exact_gradient(config, weights)[1]
        errors = [
            distance(engine_gradient(name, config, weights)[1], exact) for name in ("numba", "reference")
        ]
        ratios.append(errors[0] / errors[1])
    if not ratios:
        return f"a neuron flips at each of the {len(epochs)} epochs"
    return f"{statistics.median(ratios):.1f} ({min(ratios):.1f} – {max(ratios):.1f}), {len(ratios)} epochs"


ROWS = {
    "first": Row("first `train` after installing, to its first epoch", "≤ 10 s", waits.first_train),
    "warm": Row("a later `train --preset quick`, to its first epoch", "≤ 2 s", waits.warm_train),
    "help": Row("`--help`", "≤ 0.5 processor seconds", waits.slowest_help),
    "whole": Row(f"a whole run against its bare steps (`nanda`, {WHOLE} epochs)", "≤ 1.15", whole_run),
    "evaluation": Row("test evaluation", "≤ 0.5 of an update", evaluated),
    "step": Row("update, times faster than plain", "≥ 14; ≥ 65 % of the matrix rate", step),
    "gradient": Row("gradient error near convergence, times plain", "≤ 2", gradient_error),
    "films": Row("import, measure, three films of 30 foreign checkpoints", "≤ 25 s", waits.foreign_films),
    "page": Row("the page of the recorded runs", "≤ 7 s", waits.recorded_page),
    "tests": Row("`./run test`", "≤ 300 s", waits.suite),
    "seeds": Row("64 seeds of p = 59 on two cores", "stated; ≥ 1.9 × one core", waits.many_seeds),
}


def measured(row: Row, rounds: int) -> str:
    """The row's cell, or why there is none."""
    try:
        return row.measure(rounds)
    except Exception as error:
        return f"failed: {type(error).__name__}: {error}".replace("\n", " ").replace("|", "/")


def chosen(names: Sequence[str]) -> dict[str, Row]:
    """The rows of these names, all for none; raises UserError for an unknown one."""
    if unknown := [name for name in names if name not in ROWS]:
        raise UserError(f"unknown row {unknown[0]!r}; known: {', '.join(ROWS)}")
    return {name: row for name, row in ROWS.items() if name in names or not names}


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", default=[], metavar="NAME", help="default: all")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--list", action="store_true", help="print the names of the rows, and end")
    args = parser.read()
    rows = chosen(args.rows)
    if args.list:
        print("\n".join(rows))
        return
    print("| what | aim | measured |\n| --- | --- | --- |")
    for row in rows.values():
        print(f"| {row.what} | {row.aim} | {measured(row, args.rounds)} |", flush=True)
    print(
        f"\n{args.rounds} rounds. {machine()}, {available_threads()} threads, {versions()}, "
        f"commit {git_commit()}"
    )


if __name__ == "__main__":
    run_script(main)

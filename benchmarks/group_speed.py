"""What groups cost: an update per pair against Z_113, and the measures of blocks, in processor time.

    python -m benchmarks.group_speed
    python -m benchmarks.group_speed --rounds 3 --blocks s5 s6

Prints Markdown. Updates of both tasks are timed in turn, so that other work on the machine meets both; the
measures of blocks run in a process of their own each, whose peak memory is read from the system.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import torch

from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.config import RunConfig
from grokking.engines.choose import AUTO, choose_engine, make_trainer
from grokking.engines.parameters import Parameters
from grokking.engines.train_pairs import TrainPairs
from grokking.from_config import initial_weights, shape_of, split_of, task_of
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import measure_row
from grokking.storage.provenance import machine, versions
from grokking.sweep.tables import markdown_table

UPDATES = 10
TASKS = ("z113", "s5")


def seconds(call: Callable[[], object]) -> float:
    """Processor time of a call, user and system, of all its threads."""
    start = time.process_time()
    call()
    return time.process_time() - start


def updates(task: str, train_frac: float) -> tuple[Callable[[], object], int, str]:
    """A call of ``UPDATES`` updates by the fastest engine on one thread, its train pairs, the engine."""
    config = RunConfig(task="add", p=113) if task == "z113" else RunConfig(task=task)
    config = RunConfig.from_dict({**config.as_dict(), "train_frac": train_frac})
    problem = task_of(config)
    pairs = TrainPairs.of(problem, split_of(config, problem))
    parameters = Parameters(config, initial_weights(config), torch.device("cpu"))
    engine = choose_engine(AUTO, parameters)
    trainer = make_trainer(engine, [(parameters, pairs)], 1)
    return lambda: trainer.advance(UPDATES), len(split_of(config, problem).train), engine


def update_table(rounds: int, train_frac: float) -> str:
    """Markdown: processor time per update and pair of both tasks, and their ratio round by round."""
    calls = {task: updates(task, train_frac) for task in TASKS}
    for call, _, _ in calls.values():
        call()  # compiles
    found: dict[str, list[float]] = {task: [] for task in TASKS}
    for _ in range(rounds):
        for task, (call, n_pairs, _) in calls.items():
            found[task].append(1e6 * seconds(call) / UPDATES / n_pairs)
    ratios = [b / a for a, b in zip(*found.values(), strict=True)]
    rows = [[task, calls[task][2], str(calls[task][1]), shown(found[task])] for task in TASKS]
    table = markdown_table(
        ["task", "engine", "train pairs", "µs of processor time per pair and update"], rows
    )
    return f"{table}\n\ns5 over z113, per pair: {shown(ratios)}, median (range), n = {rounds} rounds"


def shown(values: Sequence[float]) -> str:
    """``5.2 (5.0 – 5.6)``."""
    return f"{statistics.median(values):.3g} ({min(values):.3g} – {max(values):.3g})"


def measure_blocks(task: str) -> str:
    """In this process: seconds for the basis and for rows of history.json, and the peak memory, as cells."""
    config = RunConfig(task=task)
    problem = task_of(config)
    before = peak_gib()
    basis = seconds(lambda: problem.grid(task).group.basis.tensor)
    rows = []
    for _ in range(3 if problem.p < 200 else 1):
        acts = ActivationCache(initial_weights(config), shape_of(config), problem)
        forward, held = seconds(lambda acts=acts: (acts.outputs, acts.logit_sums)), peak_gib()
        rows.append((forward, seconds(lambda acts=acts: measure_row(acts, split_of(config, problem)))))
    forwards, measures = zip(*rows, strict=True)
    cells = [task, str(problem.p), f"{basis:.3g}", shown(forwards), shown(measures), f"{before:.2f}"]
    return "\t".join([*cells, f"{held:.2f}", f"{peak_gib():.2f}"])


def peak_gib() -> float:
    """The largest memory of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def block_table(tasks: Sequence[str]) -> str:
    """Markdown: a row for each task, each measured in a process of its own."""
    rows = []
    for task in tasks:
        command = [sys.executable, "-m", "benchmarks.group_speed", "--measure", task]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(ended.stdout.strip().split("\t"))
    header = ["group", "order", "basis, s", "all outputs, s", "a row of measures, s"]
    header += ["GiB before", "GiB with the outputs", "GiB at most"]
    return markdown_table(header, rows)


def main(argv: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="of the updates; default: 7")
    parser.add_argument("--train_frac", type=float, default=0.3, help="default: 0.3")
    parser.add_argument("--blocks", nargs="*", default=["s5", "s6"], help="groups whose blocks are measured")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    if args.measure:
        print(measure_blocks(args.measure))
        return
    print(f"{machine()}; {versions()}; one thread\n")
    print(update_table(args.rounds, args.train_frac), "\n")
    print(block_table(args.blocks))


if __name__ == "__main__":
    run_script(main)

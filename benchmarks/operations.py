"""What one training update costs with several operations, against one, in one run.

    python -m benchmarks.operations
    python -m benchmarks.operations --p 113 --rounds 15 --threads 1

Updates are timed in turn, round by round, and compared within each round; in processor time, so that other
programs on the machine count for little; with several threads those that wait count too. Prints Markdown.
"""

import argparse
import statistics
import time
from functools import partial

import torch

from benchmarks.measure import Timing, in_turn
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.config import RunConfig
from grokking.engines.choose import Trainer, choose_engine, make_trainer
from grokking.engines.parameters import Parameters
from grokking.engines.threads import torch_threads
from grokking.engines.train_pairs import TrainPairs
from grokking.from_config import initial_weights, split_of, task_of
from grokking.storage.provenance import git_commit, machine, versions
from grokking.tasks.modular import SEPARATE

REPEATS = 5


def trainer(config: RunConfig, threads: int) -> Trainer:
    """A trainer by the engine that training would choose."""
    task = task_of(config)
    pairs = TrainPairs.of(task, split_of(config, task))
    parameters = Parameters(config, initial_weights(config), torch.device("cpu"))
    return make_trainer(choose_engine("auto", parameters), [(parameters, pairs)], threads)


def times(config: Timing, one: Timing) -> str:
    """How many times longer, median over rounds of the ratio within a round, and the range."""
    ratios = [a / b for a, b in zip(config.seconds, one.seconds, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})"


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=11, help="default: %(default)s")
    parser.add_argument("--p", type=int, default=113, help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    args = parser.read()
    configs = {
        "add": RunConfig(p=args.p),
        "mul": RunConfig(p=args.p, task="mul"),
        "add,mul": RunConfig(p=args.p, task="add,mul"),
        "add,mul, separate tokens": RunConfig(p=args.p, task="add,mul", operand_tokens=SEPARATE),
    }
    made = {name: trainer(config, args.threads) for name, config in configs.items()}
    with torch_threads(1):
        calls = {name: (partial(t.advance, 1), REPEATS) for name, t in made.items()}
        timing = in_turn(calls, args.rounds, time.process_time)
    print(
        f"p = {args.p}, fraction {RunConfig().train_frac}; {args.rounds} rounds of {REPEATS} updates, "
        f"{args.threads} threads\n"
    )
    print("| operations | ms of processor time per update, median (range) | times one operation (range) |")
    print("| --- | --- | --- |")
    for name, t in timing.items():
        print(f"| {name} | {t.median * 1e3:.1f} ({t.spread}) | {times(t, timing['add'])} |")
    print(f"\n{machine()}, {versions()}, commit {git_commit()}")


if __name__ == "__main__":
    run_script(main)

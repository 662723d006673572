"""What an epoch costs with each method, relative to AdamW: processor time, methods interleaved.

    python -m benchmarks.optimisers.cost             the network of the comparison, p = 59
    python -m benchmarks.optimisers.cost --p113      the default network at p = 113
    python -m benchmarks.optimisers.cost --occupancy how busy a sweep keeps an idle machine

Every round makes the same number of updates with each method in turn, so that other programs of the machine
burden all methods alike; ratios are taken within a round.
"""

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.optimisers.methods import METHODS, REFERENCE
from benchmarks.optimisers.plan import config_of, defaults
from benchmarks.optimisers.run import make
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.config import RunConfig
from grokking.engines.choose import NUMBA, Trainer, make_trainer
from grokking.engines.parameters import Parameters
from grokking.engines.threads import available_threads, flushed_denormals, torch_threads
from grokking.engines.train_pairs import TrainPairs
from grokking.from_config import initial_weights, split_of, task_of
from grokking.storage.atomic_io import write_bytes
from grokking.sweep.executors import ExecutorConfig
from grokking.sweep.tables import csv_text, markdown_table

TABLE = Path("results/optimisers/cost.csv")
SETTINGS = {"p59": {}, "p113": {"p": 113, "d_model": 128, "n_heads": 4, "d_mlp": 512, "train_frac": 0.3}}
HEADER = ("setting", "method", "rounds", "cost", "low", "high")
MOST_RUNS = 24


def trainer_of(method: str, setting: str) -> Trainer:
    """One run of a method at its source's default, by the numba engine on one thread."""
    config = config_of(METHODS[method], "add", -1, 0, 1)
    record = config.as_dict() | SETTINGS[setting]
    config = RunConfig.from_dict(record)
    task = task_of(config)
    parameters = Parameters(config, initial_weights(config), torch.device("cpu"))
    return make_trainer(NUMBA, [(parameters, TrainPairs.of(task, split_of(config, task)))], 1)


def ratios(setting: str, rounds: int, n: int) -> dict[str, list[float]]:
    """Processor time of ``n`` updates over that of AdamW in the same round, by method."""
    trainers = {name: trainer_of(name, setting) for name in METHODS}
    found: dict[str, list[float]] = {name: [] for name in METHODS}
    with flushed_denormals(), torch_threads(1):
        for trainer in trainers.values():
            trainer.advance(2)
        for _ in range(rounds):
            spent = {name: _processor_time(trainer, n) for name, trainer in trainers.items()}
            for name, seconds in spent.items():
                found[name].append(seconds / spent[REFERENCE])
    return found


def _processor_time(trainer: Trainer, n: int) -> float:
    began = time.process_time()
    trainer.advance(n)
    return time.process_time() - began


def table(setting: str, rounds: int, n: int) -> list[Sequence[object]]:
    """A row per method: median and range over the rounds."""
    return [
        (setting, name, rounds, *(round(x, 3) for x in (statistics.median(r), min(r), max(r))))
        for name, r in ratios(setting, rounds, n).items()
    ]


def occupancy(n_epochs: int) -> tuple[float, float]:
    """Processor time of a sweep over (wall time · processors), and its runs of ``n_epochs`` per hour."""
    folder = Path(tempfile.mkdtemp())
    before, began = os.times(), time.monotonic()
    planned = [replace(p, config=replace(p.config, n_epochs=n_epochs)) for p in defaults(["add"])[:MOST_RUNS]]
    try:
        make(planned, folder, ExecutorConfig(threads=1))
        _stop_workers()
    finally:
        shutil.rmtree(folder)
    wall, after = time.monotonic() - began, os.times()
    busy = sum(after[:4]) - sum(before[:4])
    return busy / wall / available_threads(), len(planned) / wall * 3600


def _stop_workers() -> None:
    """The system counts the time of processes that have ended."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def main() -> None:
    """Print what was asked for; costs also go into the table, which keeps what it has of other settings."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--p113", action="store_true")
    parser.add_argument("--occupancy", action="store_true")
    parser.add_argument("--epochs", type=int, default=1000, help="of a run, for --occupancy")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--updates", type=int, default=50, help="of each method in a round")
    parser.add_argument("--output", type=Path, default=TABLE)
    args = parser.read()
    if args.occupancy:
        share, per_hour = occupancy(args.epochs)
        print(f"{share:.0%} of the processors were busy; {per_hour:.0f} runs of {args.epochs} epochs an hour")
        return
    setting = "p113" if args.p113 else "p59"
    rows = table(setting, args.rounds, args.updates)
    print(markdown_table(HEADER, rows))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    kept = [line.split(",") for line in _lines(args.output) if not line.startswith((setting, HEADER[0]))]
    write_bytes(args.output, csv_text(HEADER, [*kept, *rows]).encode())


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    run_script(main)

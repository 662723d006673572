"""What a person waits for, measured through the command line: one function for each wait.

Each returns text for a cell of ``benchmarks.speed_table``: seconds, and processor seconds, which tell more on
a busy machine; median and range.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grokking.cli.command import COMMANDS
from grokking.config import preset

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT / "docs" / "recorded"
FIRST_EPOCH = "train --preset quick --n_epochs 1 --no_measures --output_dir runs --overwrite"
N_FOREIGN, FILMS = 30, ("circle", "clean", "sine")
SEEDS, MORE, FEWER = 64, 150, 50


@dataclass(frozen=True)
class Cost:
    """Of a command. processor: seconds of it and of the processes that it waited for."""

    seconds: float
    processor: float

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.seconds + other.seconds, self.processor + other.processor)


def cost(command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command in a folder; raises CalledProcessError where it fails."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    seconds, after = time.perf_counter() - began, os.times()
    children = (after.children_user - before.children_user) + (after.children_system - before.children_system)
    return Cost(seconds, children)


def grokking(line: str, folder: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Of ``grokking`` with these arguments."""
    return cost([sys.executable, "-m", "grokking", *line.split()], folder, environment)


def text(costs: Sequence[Cost]) -> str:
    """Median and range of both."""
    return ", ".join(
        f"{statistics.median(values):.1f} {unit} ({min(values):.1f} – {max(values):.1f})"
        for values, unit in (
            ([c.seconds for c in costs], "s"),
            ([c.processor for c in costs], "processor seconds"),
        )
    )


def repeated(measure: Callable[[Path], Cost], rounds: int) -> str:
    """``text`` of so many measurements, each in an empty folder of its own."""
    costs = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            costs.append(measure(Path(folder)))
    return text(costs)


def first_train(rounds: int) -> str:
    """The first ``train`` after installing, to its first epoch: nothing is compiled yet."""
    return repeated(lambda folder: grokking(FIRST_EPOCH, folder, {"NUMBA_CACHE_DIR": str(folder)}), rounds)


def warm_train(rounds: int) -> str:
    """A later ``train``, to its first epoch; beside it the bare import of PyTorch, which is a part of it."""
    repeated(lambda folder: grokking(FIRST_EPOCH, folder), 1)  # compiled from now on
    bare = repeated(lambda folder: cost([sys.executable, "-c", "import torch"], folder), rounds)
    return (
        f"{repeated(lambda folder: grokking(FIRST_EPOCH, folder), rounds)}; importing PyTorch alone: {bare}"
    )


def slowest_help(rounds: int) -> str:
    """``--help`` of the command whose own takes the most processor time."""
    with tempfile.TemporaryDirectory() as folder:
        found = {
            name: [grokking(f"{name} --help", Path(folder)) for _ in range(rounds)]
            for name in COMMANDS.names()
        }
    name = max(found, key=lambda name: statistics.median(c.processor for c in found[name]))
    values = [c.processor for c in found[name]]
    return (
        f"{statistics.median(values):.2f} processor seconds ({min(values):.2f} – {max(values):.2f}) "
        f"for {name}, the slowest of {len(found)}"
    )


def foreign_films(rounds: int) -> str:
    """Import, measure and film weights of p = 113, as somebody else would have saved them."""
    weights = sorted((RECORDED / "addition").glob("checkpoint_e*.safetensors"))
    chosen = [weights[i * (len(weights) - 1) // (N_FOREIGN - 1)] for i in range(N_FOREIGN)]

    def measure(folder: Path) -> Cost:
        (folder / "weights").mkdir()
        for path in chosen:
            shutil.copy(path, folder / "weights")
        films = (f"frames {film} theirs --n_frames {N_FOREIGN}" for film in FILMS)
        lines = ["import weights --output_dir theirs", "measure theirs", *films]
        return sum((grokking(line, folder) for line in lines), Cost(0, 0))

    return f"{repeated(measure, rounds)}, {len(set(chosen))} checkpoints"


def recorded_page(rounds: int) -> str:
    """The page of the recorded runs, as ``./run page`` builds it."""
    typed = (ROOT / "run").read_text().split("-m grokking page", 1)[1].split("site", 1)[0]
    line = f"page {typed}".replace("\\\n", " ")  # up to the folder of the page

    def measure(folder: Path) -> Cost:
        return grokking(f"{line} {folder / 'site'}", ROOT)

    return repeated(measure, rounds)


def suite(_: int) -> str:
    """``./run test`` in this clone, once."""
    return text([cost(["sh", "run", "test"], ROOT)])


def many_seeds(rounds: int) -> str:
    """Seeds of the preset ``quick`` together, on one core and on two: without start and compiling."""
    length = preset("quick").n_epochs
    line = f"train --preset quick --seeds 0:{SEEDS} --no_measures --output_dir runs"

    def epoch(threads: int) -> float:
        """Seconds for one epoch of all seeds."""
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
            long, short = (
                grokking(f"{line} --threads {threads} --n_epochs {n}", Path(folder)).seconds
                for n, folder in ((MORE, one), (FEWER, other))
            )
        return (long - short) / (MORE - FEWER)

    pairs = [(epoch(1), epoch(2)) for _ in range(rounds)]
    ratios = [one / two for one, two in pairs]
    hourly = [3600 * SEEDS / (two * length) for _, two in pairs]
    return (
        f"{statistics.median(hourly):.0f} runs of {length:,} epochs an hour "
        f"({min(hourly):.0f} – {max(hourly):.0f}), {statistics.median(ratios):.2f} times one core "
        f"({min(ratios):.2f} – {max(ratios):.2f})"
    )

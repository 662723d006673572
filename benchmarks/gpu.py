"""Everything that results/ should hold about training on a GPU, in one command.

    python -m benchmarks.gpu                       the first GPU, replicas 1 … 256
    python -m benchmarks.gpu --replicas 1 8 64     fewer
    python -m benchmarks.gpu --device cpu --p 23   the same code without a GPU, to see that it works

Prints Markdown: time per update of one run and of many seeds trained as one batch, with each update replayed
from a CUDA graph and launched operation by operation, in turn; updates of all runs per second; share of the
device's own float32 matrix-product rate; peak memory of the device. A number of replicas that does not fit
into the memory is named and ends the table.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace

import torch

from benchmarks.measure import Timing, in_turn
from benchmarks.step import multiply_adds
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.config import RunConfig
from grokking.engines.batched import BatchTrainer
from grokking.engines.choose import choose_device
from grokking.engines.parameters import Parameters
from grokking.engines.train_pairs import TrainPairs
from grokking.from_config import initial_weights, split_of, task_of
from grokking.storage.provenance import git_commit, versions

REPLICAS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
TOGETHER = 10
"""Updates of one call, as in training, which looks at a run after every ten of them."""
SIDE = 4096
"""Rows of the square matrices whose product gives the rate; fewer where there is no GPU."""
GRAPH, EAGER = "graph", "eager"


def batch(config: RunConfig, replicas: int, device: torch.device) -> BatchTrainer:
    """So many seeds of a config in one batch on the device."""
    runs = []
    for seed in range(replicas):
        one = replace(config, seed=seed)
        task = task_of(one)
        runs.append((Parameters(one, initial_weights(one), device), TrainPairs.of(task, split_of(one, task))))
    return BatchTrainer(runs)


def calls(trainer: BatchTrainer) -> dict[str, tuple[Callable[[], object], int]]:
    """By name: ``TOGETHER`` updates, replayed from the captured graph where there is one, and launched one
    by one. Each waits for the device, as its losses come back."""
    graph = trainer.graph

    def advance(captured: object) -> None:
        trainer.graph = captured  # type: ignore[assignment]
        trainer.advance(TOGETHER)

    kinds = {GRAPH: graph, EAGER: None} if graph is not None else {EAGER: None}
    return {name: (lambda captured=captured: advance(captured), 1) for name, captured in kinds.items()}  # type: ignore[misc]


def matrix_rate(device: torch.device, rounds: int) -> float:
    """Multiply-adds per second of a large square float32 product on the device, median."""
    side = SIDE if device.type == "cuda" else SIDE // 8
    a, b = (torch.randn(side, side, device=device) for _ in range(2))

    def product() -> None:
        torch.mm(a, b)
        synchronise(device)

    return float(side**3 / in_turn({"mm": (product, 3)}, rounds)["mm"].median)


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def row(config: RunConfig, replicas: int, device: torch.device, rounds: int, rate: float) -> str:
    """One line of the table; raises torch.OutOfMemoryError where the replicas do not fit."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    timing = in_turn(calls(batch(config, replicas, device)), rounds)
    each = {name: t.of_each(TOGETHER) for name, t in timing.items()}
    best = each.get(GRAPH, each[EAGER])
    share = replicas * multiply_adds(config) / best.median / rate
    return (
        f"| {replicas} | {shown(each.get(GRAPH))} | {shown(each[EAGER])} | {gain(each)} "
        f"| {replicas / best.median:.0f} | {share:.0%} | {peak(device)} |"
    )


def shown(timing: Timing | None) -> str:
    """Milliseconds, median and range."""
    return f"{timing.median * 1e3:.2f} ({timing.spread})" if timing else "–"


def gain(each: dict[str, Timing]) -> str:
    """How many times faster the graph is, by rounds."""
    return each[GRAPH].ratio(each[EAGER]) if GRAPH in each else "–"


def peak(device: torch.device) -> str:
    """Largest memory of the device that was in use, in MiB."""
    return f"{torch.cuda.max_memory_allocated(device) / 2**20:.0f}" if device.type == "cuda" else "–"


def table(config: RunConfig, replicas: list[int], device: torch.device, rounds: int) -> list[str]:
    """The lines of the table, and the rate that its shares are of."""
    rate = matrix_rate(device, rounds)
    lines = [
        "| replicas | ms per update, graph (range) | ms, eager (range) | graph, times faster (range) "
        "| updates of all per second | share of the matrix rate | peak MiB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for n in replicas:
        try:
            lines.append(row(config, n, device, rounds, rate))
        except torch.OutOfMemoryError:
            lines.append(f"| {n} | does not fit into the memory | | | | | |")
            break
    return [*lines, "", f"Matrix products of this device: {2 * rate / 1e12:.2f} TFLOP/s (float32, square)."]


def name_of(device: torch.device) -> str:
    """What the device is called."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="default: %(default)s")
    parser.add_argument("--p", type=int, default=113, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument(
        "--replicas", type=int, nargs="+", default=list(REPLICAS), help="default: 1 2 4 … 256"
    )
    args = parser.read()
    device, config = choose_device(args.device), RunConfig(p=args.p)
    print(
        f"p = {config.p}, fraction {config.train_frac}, d_model {config.d_model}, d_mlp {config.d_mlp}; "
        f"engine batched, seeds from 0 on, {args.rounds} rounds of {TOGETHER} updates\n"
    )
    print("\n".join(table(config, args.replicas, device, args.rounds)), "\n")
    print(f"{name_of(device)}, {versions()}, commit {git_commit()}")


if __name__ == "__main__":
    run_script(main)

"""Time one training update by every engine, in one run, against the plain reference.

    python -m benchmarks.step                      ratios, and the cost for p = 59 … 211
    python -m benchmarks.step --rounds 9 --p 113

Prints Markdown: medians per update, ratios taken round by round with their range, the share of this
machine's measured float32 matrix-product rate, and peak memory.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.measure import Timing, in_turn, peak_mib
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.config import RunConfig, preset
from grokking.engines.choose import ENGINES, make_trainer
from grokking.engines.outputs import Evaluator
from grokking.engines.parameters import Parameters
from grokking.engines.threads import available_threads, torch_threads
from grokking.engines.train_pairs import TrainPairs
from grokking.from_config import initial_weights, shape_of, split_of
from grokking.models.transformer.network import forward
from grokking.storage.provenance import git_commit, machine, versions
from grokking.storage.run_directory import RunDirectory
from grokking.tasks.modular import make_task
from grokking.training.loop import Job, train

MODULI = (59, 97, 113, 131, 211)
TOGETHER = 10
"""Updates of one call, as in training, which looks at a run after every ten of them."""
CALLS = {"reference": 1, "batched": 1, "numba": 3}


def update(config: RunConfig, engine: str) -> Callable[[], object]:
    """A call that makes ``updates(engine)`` updates of ``config`` by ``engine``."""
    task = make_task(config.p, config.task)
    pairs = TrainPairs.of(task, split_of(config, task))
    parameters = Parameters(config, initial_weights(config), torch.device("cpu"))
    trainer = make_trainer(engine, [(parameters, pairs)])
    threads = 1 if engine == "numba" else available_threads()

    def call() -> None:
        with torch_threads(threads):
            trainer.advance(updates(engine))

    return call


def updates(engine: str) -> int:
    """How many updates a call makes; the plain ones are so slow that two tell enough."""
    return TOGETHER if engine != "reference" else 2


def evaluation(config: RunConfig, engine: str) -> Callable[[], object]:
    """A call that evaluates the test pairs: by the plain forward, or by ``Evaluator``."""
    task = make_task(config.p, config.task)
    test, weights = split_of(config, task).test, initial_weights(config)
    tokens, answers = torch.from_numpy(task.tokens[test]), torch.from_numpy(task.answers[test])
    if engine == "numba":
        evaluator = Evaluator(shape_of(config), task.tokens[test], task.answers[test], task.n_answers)

        def fast() -> None:
            with torch_threads(1):
                evaluator.losses_and_correct(weights)

        return fast

    def plain() -> None:
        with torch.no_grad():
            logits = forward(weights, shape_of(config), tokens)[:, -1]
            torch.nn.functional.cross_entropy(logits.double(), answers)

    return plain


def matrix_rate() -> Timing:
    """Seconds for a 2048³ float32 product on all threads."""
    a, b, out = (torch.randn(2048, 2048) for _ in range(3))
    return in_turn({"mm": (lambda: torch.mm(a, b, out=out), 3)}, 5)["mm"]


def multiply_adds(config: RunConfig) -> float:
    """Of the three products per update that no look-up removes: pairs · neurons · classes each."""
    return 3 * int(config.train_frac * config.p**2) * config.d_mlp * (config.p + config.equals_class)


def engines_table(config: RunConfig, rounds: int) -> list[str]:
    """Every engine against the plain one, with and without a test evaluation."""
    calls = {name: (update(config, name), CALLS[name]) for name in reversed(ENGINES)}
    tests = {f"{name} + test": (evaluation(config, name), 3) for name in ("reference", "numba")}
    timing = in_turn({**calls, **tests}, rounds)
    timing |= {name: timing[name].of_each(updates(name)) for name in calls}
    lines = [
        "| engine | ms per update, median (range) | times the plain one (range over rounds) |",
        "| --- | --- | --- |",
    ]
    for name in calls:
        t = timing[name]
        lines.append(f"| {name} | {t.median * 1e3:.1f} ({t.spread}) | {t.ratio(timing['reference'])} |")
    both = {name: timing[name] + timing[f"{name} + test"] for name in ("reference", "numba")}
    for name, t in both.items():
        ratio = t.ratio(both["reference"])
        lines.append(f"| {name}, with a test evaluation each | {t.median * 1e3:.1f} ({t.spread}) | {ratio} |")
    rate = 2 * 2048**3 / matrix_rate().median
    used = 2 * multiply_adds(config) / timing["numba"].median
    lines += [
        "",
        f"Matrix products of this machine: {rate / 1e9:.0f} GFLOP/s (2048³, float32, median of 5). "
        f"The update by numba does its unavoidable multiply-adds at {used / rate:.0%} of that rate.",
    ]
    return lines


def moduli_table(rounds: int) -> list[str]:
    """How the compiled update grows with the number of pairs."""
    configs = {p: RunConfig(p=p) for p in MODULI}
    timing = in_turn({str(p): (update(c, "numba"), 1) for p, c in configs.items()}, rounds)
    timing = {p: t.of_each(TOGETHER) for p, t in timing.items()}
    lines = ["| p | train pairs | ms per update, median (range) | µs per pair |", "| --- | --- | --- | --- |"]
    for p in MODULI:
        n, t = int(0.3 * p * p), timing[str(p)]
        lines.append(f"| {p} | {n} | {t.median * 1e3:.1f} ({t.spread}) | {t.median / n * 1e6:.2f} |")
    return lines


def whole_run(n_epochs: int, rounds: int) -> str:
    """Epochs of preset ``nanda`` with all that a run does, against plain updates made before each."""
    config = preset("nanda", n_epochs=n_epochs)

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            train([Job(config, RunDirectory(Path(folder) / "nanda"))], shown=False)

    timing = in_turn(
        {"reference": (update(config, "reference"), CALLS["reference"]), "run": (run, 1)}, rounds
    )
    plain, whole = timing["reference"].of_each(updates("reference")), timing["run"].of_each(n_epochs)
    return (
        f"Preset nanda, its first {n_epochs} epochs with looks, rows and checkpoints: "
        f"{whole.median * 1e3:.1f} ms an epoch ({whole.spread}), {whole.ratio(plain)} times faster than "
        f"plain updates alone ({plain.median * 1e3:.1f} ms); {rounds} rounds."
    )


def memory_of_training(p: int) -> float:
    """Peak resident MiB of a process that trains ``p`` for a few epochs with its measurements."""
    code = (
        "import tempfile, pathlib\n"
        "from benchmarks.measure import peak_mib\n"
        "from grokking.config import RunConfig\n"
        "from grokking.training.launch import Request, start_runs\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        f"    start_runs({{'m': RunConfig(p={p}, n_epochs=20)}}, Request(pathlib.Path(folder)))\n"
        "print(peak_mib())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print the tables."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--p", type=int, default=113, help="default: %(default)s")
    parser.add_argument("--whole", type=int, default=500, help="epochs of a whole run; default: %(default)s")
    args = parser.read()
    config = RunConfig(p=args.p)
    print(
        f"p = {config.p}, fraction {config.train_frac}, d_model {config.d_model}, d_mlp {config.d_mlp}; "
        f"{args.rounds} rounds\n"
    )
    print("\n".join(engines_table(config, args.rounds)), "\n")
    print("\n".join(moduli_table(args.rounds)), "\n")
    print(whole_run(args.whole, 3), "\n")
    print(
        f"Peak memory of training with its measurements: {memory_of_training(113):.0f} MiB at p = 113, "
        f"{memory_of_training(211):.0f} MiB at p = 211 (this benchmark: {peak_mib():.0f} MiB).\n"
    )
    print(f"{machine()}, {available_threads()} threads, {versions()}, commit {git_commit()}")


if __name__ == "__main__":
    run_script(main)

"""Hold the training in the page's laboratory against Python: numbers, grokking epochs, speed.

    python -m benchmarks.live
    python -m benchmarks.live --rounds 3 --seeds 2 --whole

Headless Chromium runs the engine in WebAssembly and in plain JavaScript, from the same first weights as
Python's engines (``--init_scheme portable``). Prints Markdown. Speeds are processor time of the whole browser
and of this process, taken in turn, since other programs share the machine. ``--whole`` also trains the
laboratory's default run in the page, to its grokking epoch.
"""

import argparse
import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.live_engines import DEFAULT, ENGINES, config_of, engines_page, speed_table, started, whole_run
from benchmarks.page import RECORDED, browser
from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.config import RunConfig
from grokking.engines.choose import make_trainer
from grokking.engines.outputs import Evaluator
from grokking.engines.reference import ReferenceUpdates
from grokking.from_config import shape_of, split_of, task_of
from grokking.metrics.events import GrokDetector
from grokking.storage.provenance import git_commit, machine, versions

GROKS = {"task": "add", "p": 41, "width": 32, "fraction": 0.7}
GROK_RATE, MOST_EPOCHS, FIRST_EPOCHS = 4e-3, 1500, 100


def exact(config: RunConfig) -> tuple[np.ndarray, np.ndarray]:
    """In float64 throughout: the first gradient, flat, and the losses of the first epochs."""
    parameters, pairs = started(config)
    weights = {name: w.double().requires_grad_() for name, w in parameters.weights.items()}
    optimiser = torch.optim.AdamW(
        list(weights.values()), lr=config.lr, betas=config.betas, weight_decay=config.weight_decay
    )
    tokens, answers = torch.as_tensor(pairs.tokens), torch.as_tensor(pairs.answers)
    forward, losses, gradient = ReferenceUpdates(parameters, pairs).model.logits, [], np.empty(0)
    for epoch in range(FIRST_EPOCHS):
        optimiser.zero_grad()
        loss = F.cross_entropy(forward(weights, parameters.shape, tokens), answers)
        loss.backward()
        losses.append(loss.item())
        if not epoch:
            gradient = np.concatenate(
                [w.grad.numpy().ravel() for w in weights.values() if w.grad is not None]
            )
        optimiser.step()
    return gradient, np.array(losses)


def numbers_table(page: Any) -> list[str]:
    """How far each engine lies from float64."""
    lines = [
        "| run | engine | first gradient, relative | losses of 100 epochs, largest difference |",
        "| --- | --- | --- | --- |",
    ]
    for settings, lr in ((DEFAULT, 3e-4), (DEFAULT, 2e-3)):
        config = config_of(settings, lr)
        gradient, losses = exact(config)
        for name, (g, found) in engines_first(page, settings, config).items():
            off = np.linalg.norm(g - gradient) / np.linalg.norm(gradient)
            gap = np.abs(found - losses).max()
            lines.append(f"| p = {config.p}, rate {lr:g} | {name} | {off:.1e} | {gap:.1e} |")
    return lines


def engines_first(
    page: Any, settings: Mapping[str, Any], config: RunConfig
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """First gradient and first losses by every 32-bit engine."""
    found = {}
    for name, plain in ENGINES.items():
        text, losses = page.evaluate(
            """([settings, plain, lr, n]) => { const made = engine(settings, plain);
            made.lossAndGradient();
            return [text(made.gradient), Array.from(made.advance(n, lr, 1))]; }""",
            [settings, plain, config.lr, FIRST_EPOCHS],
        )
        found[name] = np.frombuffer(base64.b64decode(text), np.float32), np.array(losses)
    for name in ("numba", "batched", "reference"):
        parameters, pairs = started(config)
        trainer = make_trainer(name, [(parameters, pairs)])
        first = trainer.advance(1)[:, 0]
        gradient = parameters.flat_gradient.numpy().copy()
        found[f"Python, {name}"] = gradient, np.concatenate([first, trainer.advance(FIRST_EPOCHS - 1)[:, 0]])
    return found


def grok_epoch(config: RunConfig, engine: str) -> int | None:
    """In Python, evaluated every ten epochs."""
    task, (parameters, pairs) = task_of(config), started(config)
    trainer, detector, test = (
        make_trainer(engine, [(parameters, pairs)]),
        GrokDetector(),
        split_of(config).test,
    )
    evaluator = Evaluator(shape_of(config), task.tokens[test], task.answers[test], task.n_answers)
    for epoch in range(10, MOST_EPOCHS + 1, 10):
        trainer.advance(10)
        detector.look(epoch, evaluator.accuracy(parameters.weights))
        if detector.epoch is not None:
            break
    return detector.epoch


def grokking_table(page: Any, n_seeds: int) -> list[str]:
    """Grokking epochs by seed and engine."""
    names = ("WebAssembly", "Python, numba", "Python, batched")
    lines = ["| seed | " + " | ".join(names) + " |", "| --- " * (len(names) + 1) + "|"]
    for seed in range(n_seeds):
        settings = GROKS | {"seed": seed}
        config = config_of(settings, GROK_RATE)
        epochs = [page.evaluate("(a) => grok(...a)", [settings, False, GROK_RATE, MOST_EPOCHS])]
        epochs += [grok_epoch(config, name) for name in ("numba", "batched")]
        lines.append(f"| {seed} | " + " | ".join(f"{e or f'none in {MOST_EPOCHS:,}'}" for e in epochs) + " |")
    return lines


def main() -> None:
    """Print the tables."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="default: %(default)s")
    parser.add_argument("--seeds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--whole", action="store_true", help="also the default run in the page, to its end")
    parser.add_argument("--run_dir", type=Path, default=RECORDED / "multiplication", help="of that page")
    args = parser.read()
    with browser() as chromium:
        with engines_page(chromium) as page:
            print("\n".join(speed_table(page, args.rounds)), "\n", flush=True)
            print("\n".join(numbers_table(page)), "\n", flush=True)
            print("\n".join(grokking_table(page, args.seeds)), "\n", flush=True)
        if args.whole:
            print(whole_run(chromium, args.run_dir), "\n", flush=True)
        version = chromium.version
    print(f"Chromium {version}; {machine()}, {versions()}, commit {git_commit()}")


if __name__ == "__main__":
    run_script(main)

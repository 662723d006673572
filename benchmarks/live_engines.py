"""What ``benchmarks.live`` compares: engines in a page, the same runs in Python, the time that each takes."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from benchmarks.page import PATIENCE, opened
from grokking.config import RunConfig
from grokking.engines.numba.engine import NumbaUpdates
from grokking.engines.parameters import Parameters
from grokking.engines.threads import Workers, torch_threads
from grokking.engines.train_pairs import TrainPairs
from grokking.from_config import initial_weights, split_of, task_of
from grokking.page.site import ASSETS, build_site

SCRIPTS = ("portable", "network", "compiled", "plain", "engine.wasm", "trainer", "worker")
DEFAULT = {"task": "add", "p": 59, "width": 64, "fraction": 0.4, "seed": 0}
LARGE = {"task": "add", "p": 113, "width": 128, "fraction": 0.3, "seed": 0}
ENGINES = {"WebAssembly": False, "JavaScript": True}
MAKE = """window.engines = {};
window.engine = (settings, plain) => {
    const lab = Timeless.lab, network = lab.network(lab.portable());
    const made = plain ? new (lab.plain(network))() : new (lab.compiled(network))(lab.engineBytes());
    return made.open(settings); };
window.text = (flat) => { let found = '';
    new Uint8Array(flat.buffer, flat.byteOffset, flat.byteLength).forEach((byte) => {
        found += String.fromCharCode(byte); });
    return btoa(found); };
window.grok = (settings, plain, lr, most) => {
    const made = engine(settings, plain);
    for (let epoch = 10, since = null; epoch <= most; epoch += 10) {
        made.advance(10, lr, 1);
        const good = made.evaluate().test_acc >= 0.99;
        since = good ? since ?? epoch : null;
        if (good && epoch - since >= 100) return since; }
    return null; };"""


def config_of(settings: Mapping[str, Any], lr: float) -> RunConfig:
    """The same run in Python."""
    width = settings["width"]
    return RunConfig(
        task=settings["task"],
        p=settings["p"],
        d_model=width,
        n_heads=4,
        d_mlp=4 * width,
        train_frac=settings["fraction"],
        seed=settings["seed"],
        lr=lr,
        init_scheme="portable",
    )


def started(config: RunConfig) -> tuple[Parameters, TrainPairs]:
    """A run at its first weights."""
    task = task_of(config)
    parameters = Parameters(config, initial_weights(config), torch.device("cpu"))
    return parameters, TrainPairs.of(task, split_of(config, task))


@contextmanager
def engines_page(chromium: Any) -> Iterator[Any]:
    """A page that holds the engines and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        tags = "".join(
            f"<script>{(ASSETS / 'js' / 'lab' / f'{name}.js').read_text()}</script>" for name in SCRIPTS
        )
        index = Path(folder) / "index.html"
        index.write_text(f"<!doctype html><script>window.Timeless = {{}}</script>{tags}")
        page = chromium.new_context(offline=True).new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(index.as_uri())
        page.evaluate(f"() => {{ {MAKE} }}")
        yield page
        page.context.close()


def browser_seconds() -> float:
    """Processor time of all processes that this one started: the browser's."""
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(t.user + t.system for t in times)


def speed_calls(page: Any, settings: Mapping[str, Any], n: int) -> dict[str, Callable[[], float]]:
    """By engine, a call that makes updates and returns the processor time of one."""
    config = config_of(settings, 1e-3)
    native, losses = NumbaUpdates(*started(config), Workers(1)), np.empty(n)
    page.evaluate("([s]) => { for (const plain of [0, 1]) engines[plain] = engine(s, plain); }", [settings])

    def python() -> float:
        began = time.process_time()
        with torch_threads(1):
            native.advance(losses)
        return (time.process_time() - began) / n

    def in_browser(plain: bool) -> float:
        updates = max(1, n // 10) if plain else n
        began = browser_seconds()
        page.evaluate("([plain, n]) => { engines[plain].advance(n, 1e-3, 1); }", [int(plain), updates])
        return (browser_seconds() - began) / updates

    return {
        "native": python,
        **{name: partial(in_browser, plain) for name, plain in ENGINES.items()},
    }


def speed_table(page: Any, rounds: int) -> list[str]:
    """Updates against those of the native engine on one thread, in turn."""
    lines = [
        "| run | engine | rate, share of the native one's: median (range) |",
        "| --- | --- | --- |",
    ]
    for settings, n in ((DEFAULT, 60), (LARGE, 12)):
        calls = speed_calls(page, settings, n)
        for call in calls.values():
            call()
        seconds = [{name: call() for name, call in calls.items()} for _ in range(rounds)]
        for name in ENGINES:
            shares = [one["native"] / one[name] for one in seconds]
            spread = f"{min(shares):.0%} – {max(shares):.0%}, n = {rounds}"
            what = f"p = {settings['p']}, width {settings['width']}"
            lines.append(f"| {what} | {name} | {statistics.median(shares):.0%} ({spread}) |")
    return lines


def whole_run(chromium: Any, run: Path) -> str:
    """The default run of the laboratory in the page, until it groks; frames with it and without."""
    frames = """(ms) => new Promise((done) => { let n = 0; const end = performance.now() + ms;
        const tick = (now) => { n++; if (now < end) requestAnimationFrame(tick); else done(1000 * n / ms); };
        requestAnimationFrame(tick); })"""
    with tempfile.TemporaryDirectory() as folder:
        page = opened(chromium, build_site([run], Path(folder) / "page").parent)
        page.locator("#laboratory").scroll_into_view_if_needed()
        page.wait_for_function("Timeless.lab.own.runs.length && Timeless.lab.own.runs[0].rows.length")
        idle, began, wall = page.evaluate(frames, 3000), browser_seconds(), time.perf_counter()
        page.locator("[data-lab=start]").click()
        busy = page.evaluate(frames, 3000)
        page.wait_for_function("Timeless.lab.own.runs[0].moments.grokking", timeout=600_000)
        seconds, wall = browser_seconds() - began, time.perf_counter() - wall
        epoch, at = page.evaluate(
            "[Timeless.lab.own.runs[0].moments.grokking, Timeless.lab.own.runs[0].epoch]"
        )
        page.context.close()
    return (
        f"The default run groks at epoch {epoch}; the page knows it at epoch {at}, after {seconds:.0f} s of "
        f"processor time of the whole browser ({wall:.0f} s on the clock). Frames per second: "
        f"{busy:.0f} while it trains, {idle:.0f} before."
    )

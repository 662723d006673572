"""What the tests of the laboratory share: one run in Python and in the page, a page with it in view."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from grokking.config import RunConfig

Visits = Callable[..., Any]
SETTINGS = {"task": "add", "p": 31, "width": 32, "fraction": 0.5, "seed": 4}
QUICK = {"p": "11", "width": "16", "fraction": "0.6", "until": "60"}
RATE = 3e-4
ENGINE = """(([settings, plain, call]) => {
    const lab = Timeless.lab, network = lab.network(lab.portable());
    const engine = plain ? new (lab.plain(network))() : new (lab.compiled(network))(lab.engineBytes());
    engine.open(settings);
    const floats = (flat) => {
        const bytes = new Uint8Array(flat.buffer, flat.byteOffset, flat.byteLength);
        let text = '';
        bytes.forEach((byte) => { text += String.fromCharCode(byte); });
        return btoa(text); };
    return CALLS[call](engine, floats);
})"""
CALLS = """{
    start: (engine, floats) => [floats(engine.weights), Array.from(engine.isTrain)],
    gradient: (engine, floats) => [engine.lossAndGradient(), floats(engine.gradient)],
    losses: (engine) => Array.from(engine.advance(100, 3e-4, 1)),
    bits: (engine, floats) => [Array.from(engine.advance(40, 1e-3, 1)), floats(engine.weights)],
}"""
FIRST = "Timeless.lab.own.runs[0]"
ENDED = f"{FIRST}.rows.length && !{FIRST}.running && {FIRST}.epoch >= "


def config_of(settings: dict[str, Any], **more: Any) -> RunConfig:
    """The same run in Python."""
    return RunConfig(
        task=settings["task"],
        p=settings["p"],
        d_model=settings["width"],
        n_heads=4,
        d_mlp=4 * settings["width"],
        train_frac=settings["fraction"],
        seed=settings["seed"],
        init_scheme="portable",
        **more,
    )


def ask(v: Any, call: str, settings: dict[str, Any], plain: bool = False) -> Any:
    """What an engine in the page answers to one of ``CALLS``."""
    return v.page.evaluate(ENGINE.replace("CALLS", f"({CALLS})"), [settings, plain, call])


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32)


def flat(tensors: dict[str, torch.Tensor]) -> np.ndarray:
    return np.concatenate([tensor.detach().numpy().ravel() for tensor in tensors.values()])


def opened(visit: Visits, screen: int = 1280, **settings: str) -> Any:
    """A page with the laboratory in view and these settings typed; screen: its width in pixels."""
    v = visit(width=screen)
    v.page.locator("#laboratory").scroll_into_view_if_needed()
    v.page.wait_for_function("Timeless.lab.own.runs.length && Timeless.lab.own.runs[0].rows.length")
    for name, value in settings.items():
        field = v.page.locator(f"[name={name}]")
        if field.evaluate("node => node.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
            field.blur()
    return v


def press(v: Any, name: str) -> None:
    v.page.locator(f"[data-lab={name}]").click()


def words(v: Any) -> str:
    return str(v.page.locator("[data-lab=says]").inner_text())

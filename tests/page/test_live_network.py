"""The network that runs on the reader's machine, against the library; and what the reader takes out of it."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from grokking.metrics.activations import ActivationCache
from grokking.metrics.logits import GroupLogits, cross_entropy, excluded_loss, restricted_losses
from grokking.models.transformer import EXTRA_BIASES
from grokking.page.pack import rounded
from grokking.runs.run import Run

pytestmark = pytest.mark.slow
Visits = Callable[..., Any]


def python_says(run: Run, epoch: int, removed: list[int], kept: list[int]) -> dict[str, float]:
    """Losses and accuracies of the rounded weights, by the library."""
    grid = run.task.grid(run.task.names[0])
    assert grid is not None
    acts = ActivationCache(rounded(run.weights(epoch), run.shape), run.shape, run.task)
    group = GroupLogits.of(acts, grid, run.split)
    only = restricted_losses(group.table, kept)[group.s]
    found = {}
    for part in ("train", "test"):
        rows = group.parts["_" + part]
        logits, s = group.logits[torch.from_numpy(rows)], group.s[rows]
        found[f"excluded {part} loss"] = excluded_loss(logits, s, group.table, removed)
        found[f"restricted {part} loss"] = float(only[rows].mean())
        if not removed:
            found[f"excluded {part} accuracy"] = float((logits.argmax(1).numpy() == s).mean())
            found[f"plain {part} loss"] = float(cross_entropy(logits, s).mean())
    return found


@pytest.mark.parametrize("name", ["run0", "run2", "run3"], ids=["multiplication", "addition", "biases, GELU"])
def test_javascript_agrees_with_python_on_three_checkpoints(
    name: str, visit: Visits, runs: dict[str, Path]
) -> None:
    v, run = visit(f"#run={name}"), Run(runs[name])
    epochs, keys, n = v.page.evaluate(f"Timeless.subject('{name}').then((s) => [s.live.epochs, s.keys, s.n])")
    keys = keys or [2, 4]  # a network that has not grokked has none
    # n // 2: of even order, a cosine without a sine
    choices = (([], keys), (keys, keys[:1]), ([keys[0], n // 2, 3], []))
    three = (epochs[0], epochs[len(epochs) // 2], epochs[-1])
    for epoch, (removed, kept) in itertools.product(three, choices):
        js = v.page.evaluate("(a) => Timeless.live.measure(...a)", [name, epoch, removed, kept])
        for quantity, value in python_says(run, epoch, removed, kept).items():
            kind, part, what = quantity.split()
            in_browser = js["excluded" if kind == "plain" else kind][part][what]
            assert in_browser == pytest.approx(value, abs=1e-4, rel=1e-4), (quantity, epoch, removed)


def test_biases_are_tried(runs: dict[str, Path]) -> None:
    weights = Run(runs["run3"]).weights(Run(runs["run3"]).final_epoch)
    assert all(weights[name].abs().max() > 1e-3 for name in EXTRA_BIASES if name != "b_K")


def test_an_activation_that_the_page_does_not_know_is_refused_in_words(visit: Visits) -> None:
    v = visit("#run=run3")
    v.page.evaluate("""Timeless.subject('run3').then((s) => {
        s.shape.activation = 'swiglu';
        Timeless.set({ theme: Timeless.theme() === 'dark' ? 'light' : 'dark' }); })""")  # all is built again
    v.figure("touch").locator(".caption", has_text='activation is "swiglu"').wait_for()
    assert v.page.locator("figure[data-figure=touch] canvas").count() == 0


def test_layer_norm_is_refused_in_words(visit: Visits) -> None:
    v = visit("#run=run4")
    v.figure("touch").locator(".caption", has_text="layer norm").wait_for()
    assert v.page.locator("figure[data-figure=touch] canvas").count() == 0
    v.figure("attention")  # the rest is drawn


def test_the_network_follows_when_the_clock_rests(visit: Visits) -> None:
    v = visit("#epoch=3000")
    node = v.figure("touch")
    node.locator("[role=status]").filter(has_text="Computed").wait_for()
    v.page.evaluate("""async () => { for (const epoch of [0, 3000, 70, 3000, 0]) {
        Timeless.set({epoch}); await new Promise((done) => requestAnimationFrame(done)); } }""")
    node.locator("[role=status]").filter(has_text="Epoch 0: nothing taken out. Computed").wait_for()


def test_taking_the_keys_out_makes_the_network_forget(visit: Visits) -> None:
    v = visit("#live=3000")
    node = v.figure("touch")
    status = node.locator("[role=status]")
    status.filter(has_text="nothing taken out").wait_for()
    assert "right" in node.locator(".answer").inner_text()
    for box in node.locator("input[type=checkbox]").all():
        box.uncheck()
    status.filter(has_text="without k").wait_for()
    result = v.page.evaluate("Timeless.live.measure('run0', 3000, Timeless.state.off, [])")
    assert result["excluded"]["test"]["accuracy"] < 0.2
    assert v.page.evaluate("location.hash") or v.state("off")


def test_operands_that_do_not_exist_are_marked(visit: Visits) -> None:
    v = visit()
    node = v.figure("touch")
    field = node.locator("[data-operand=a]")
    field.fill("99999")
    assert field.get_attribute("aria-invalid") == "true"
    assert v.state("a") != 99999
    field.fill("0")
    assert field.get_attribute("aria-invalid") == "false"

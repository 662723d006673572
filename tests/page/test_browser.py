"""The page as a reader uses it: keyboard, links, themes, widths, live weights, no network."""

import io
import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from grokking.interop.importing import Request, import_checkpoints
from grokking.metrics.activations import ActivationCache
from grokking.metrics.logits import GroupLogits, cross_entropy, excluded_loss, restricted_losses
from grokking.models.transformer import EXTRA_BIASES
from grokking.page.pack import rounded
from grokking.page.site import build_site
from grokking.runs.progress_measures import ensure_measured
from grokking.runs.run import Run
from grokking.storage.atomic_io import read_json, write_json

pytestmark = pytest.mark.slow
RECORDED = Path(__file__).parents[2] / "docs" / "recorded"
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
FIGURES = (
    "circle",
    "architecture",
    "neuron",
    "six",
    "analyser",
    "grokking",
    "progress",
    "norms",
    "touch",
    "sandbox",
    "attention",
    "spectrum2d",
    "multiplication",
)
ABSENT = {"sweep": "--sweep", "kinematics": "--kinematics", "audit": "grokking audit", "cogrok": "add,mul"}
Visits = Callable[..., Any]


def epoch_shown(page: Any) -> int:
    return int("".join(filter(str.isdigit, page.locator("#epoch").inner_text())))


def test_the_first_slider_is_the_clock_and_keys_move_it(visit: Visits) -> None:
    v = visit()
    slider = v.page.locator("input[type=range]").first
    assert slider.get_attribute("id") == "step"
    slider.focus()
    steps = v.page.evaluate("Timeless.current().steps")
    keys = {"Home": steps[0], "ArrowRight": steps[1], "End": steps[-1], "ArrowLeft": steps[-2]}
    for key, expected in keys.items():
        slider.press(key)
        v.page.wait_for_function(f"Timeless.state.epoch === {expected}")
        v.settle()
        assert epoch_shown(v.page) == expected


def test_values_of_the_history_stand_beside_the_epoch_of_their_row(visit: Visits) -> None:
    history = Run(RECORDED / "multiplication").history
    v = visit("#run=run0&epoch=70")  # whose weights are kept; the rows around it are those of 60 and of 80
    assert (70 in history["epochs"], {60, 80} <= set(history["epochs"])) == (False, True)
    right = history["train_acc"][history["epochs"].index(60)]
    words = "epoch 60: train accuracy " + v.page.evaluate(f"Timeless.percent({right})")
    figure = v.figure("grokking")
    v.settle()
    shown = v.page.locator("header .acc").inner_text()
    assert shown.endswith("at epoch 60")
    assert v.page.locator("#trainacc").inner_text() == v.page.evaluate(f"Timeless.percent({right})")
    step = v.page.evaluate("Timeless.current().stepOf(70)")
    described = v.page.evaluate(f"Timeless.mounted.find((m) => m.id === 'grokking').drawn.describe({step})")
    assert described.startswith("At " + words)
    assert all("at epoch 60" in text for text in figure.locator(".legend span").all_inner_texts())
    v.figure("circle")
    reading = v.page.locator("figure[data-figure=circle] .reading").inner_text()
    assert reading.endswith("at epoch 60")  # of the null alone: circularity is measured on the kept weights
    v.page.evaluate("Timeless.set({ epoch: 200 })")
    v.settle()
    assert "at epoch" not in v.page.locator("header .acc").inner_text()


def test_every_figure_is_drawn_described_and_tabled(visit: Visits) -> None:
    v = visit("#epoch=0")
    for name in FIGURES:
        node = v.figure(name)
        node.get_by_text("As a table").click()
        node.locator(".astable td").first.wait_for()
        node.get_by_text("How to read it").click()
        node.get_by_text("Where it comes from").click()
        assert node.locator(".provenance").inner_text(), name
        assert node.locator("canvas, svg").count(), name
        assert len(node.locator(".stage").get_attribute("aria-label")) > 40, name
        assert not {"undefined", "NaN", "Infinity"} & set(node.inner_text().split()), name


def test_data_can_be_downloaded(visit: Visits) -> None:
    v = visit("#epoch=0")
    node = v.figure("circle")
    node.get_by_text("Where it comes from").click()
    with v.page.expect_download() as download:
        node.get_by_text("Download the data").click()
    record = json.loads(Path(download.value.path()).read_text())
    assert record["figure"] == "circle"
    assert len(record["points"]) == 2 * len(record["tokens"])


def test_the_clock_drives_the_figures(visit: Visits) -> None:
    v = visit("#epoch=0")
    before = {name: _words(v, name) for name in ("circle", "neuron", "analyser", "attention", "spectrum2d")}
    v.page.locator("#step").press("End")
    v.settle()
    assert all(_words(v, name) != words for name, words in before.items())


def _words(v: Any, name: str) -> str:
    node = v.figure(name)
    v.settle()
    return str(node.locator(".stage").get_attribute("aria-label"))


def test_figures_without_data_name_the_command(visit: Visits) -> None:
    v = visit()
    for name, command in ABSENT.items():
        node = v.figure(name)
        node.locator(".caption", has_text=command).wait_for()


def test_a_shared_address_brings_the_moment_back(visit: Visits) -> None:
    v = visit()
    v.page.evaluate("""Timeless.set({epoch: Timeless.current().steps[3], k: 5, view: "source", off: [2, 5],
        neuron: 1})""")
    v.settle()
    fragment = v.page.evaluate("location.hash")
    again = visit(fragment)
    for name in ("epoch", "k", "view", "off", "run", "neuron"):
        assert again.state(name) == v.state(name), name
    assert epoch_shown(again.page) == epoch_shown(v.page)


def test_a_broken_address_is_no_error(visit: Visits) -> None:
    v = visit("#epoch=abc&k=-1&off=x,y&run=nowhere")
    v.figure("analyser")
    for fragment in (
        "#%E0%A4%A",
        "#epoch=1e9&k=99999",
        "#run=__proto__&view=<b>",
        "#neuron=77&a=999999999",
        "#t5",
    ):
        v.page.evaluate(
            """(hash) => new Promise((heard) => {
            window.addEventListener('hashchange', heard, {once: true}); location.hash = hash; })""",
            fragment,
        )
        v.settle()
    assert v.state("run") == "run0"


def test_prose_sets_the_clock(visit: Visits) -> None:
    v = visit()
    v.page.locator("a[data-moment=memorised]").first.click()
    v.settle()
    wanted = v.page.evaluate("Timeless.current().moment('memorised')")
    steps = v.page.evaluate("Timeless.current().steps")
    assert epoch_shown(v.page) == min(steps, key=lambda step: abs(step - wanted))


def test_play_goes_on_and_stops(visit: Visits) -> None:
    """By a clock of the test's own, since the film follows the time that passes."""
    v = visit("#epoch=0")
    v.settle()
    v.page.clock.install(time=0)
    v.page.clock.pause_at(1000)
    play = v.page.locator("#play")
    play.click()
    v.page.clock.run_for(3000)
    assert 2 <= v.page.evaluate("Timeless.step()") < v.page.evaluate("Timeless.current().steps.length") / 2
    assert play.get_attribute("aria-label") == "Pause"
    play.click()
    assert play.get_attribute("data-playing") == "no"
    v.page.clock.run_for(1000)  # the last picture's words
    at = epoch_shown(v.page)
    assert at > 0
    v.page.clock.run_for(5000)
    assert epoch_shown(v.page) == at


def test_themes(visit: Visits) -> None:
    v = visit(color_scheme="dark")
    dark = v.page.evaluate("getComputedStyle(document.body).backgroundColor")
    v.page.locator("#theme").click()
    v.settle()
    assert v.page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    assert v.state("theme") == "light"


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_nothing_sticks_out_and_pictures_are_drawn(width: int, visit: Visits) -> None:
    v = visit(width=width)
    for name in ("circle", "six", "touch", "attention"):
        picture = Image.open(io.BytesIO(v.figure(name).screenshot())).convert("RGB")
        assert len(picture.getcolors(1 << 24)) > 40, name
    assert v.page.evaluate("document.documentElement.scrollWidth") <= width


# The live network against Python


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


# The sandbox


def recomputed(world: dict[str, Any]) -> dict[str, float]:
    """The three printed formulas, from the positions."""
    n, k = world["n"], world["k"]
    z, m = (np.array(world[name]).reshape(n, 2) @ [1, 1j] for name in ("positions", "anchors"))
    phase = 2 * np.pi * k * np.arange(n) / n
    magnet = (z * np.exp(-1j * phase)).mean()
    wells = world["A"] * np.exp(-(abs(z - m) ** 2) / (2 * world["sigma"] ** 2))
    each = world["decay"] / 2 * abs(z) ** 2 + world["beta"] / 4 * abs(z) ** 4 - wells
    error = (np.angle(z) - phase) % (2 * np.pi)
    q = np.histogram(error, world["bins"], (0, 2 * np.pi))[0] / n
    q = q[q > 0]
    return {
        "energy": each.mean() - world["J"] / 2 * abs(magnet) ** 2,
        "order": abs(np.exp(1j * error).mean()),
        "entropy": -(q * np.log(q)).sum() / np.log(world["bins"]),
    }


def test_the_sandbox_tells_what_its_particles_do(visit: Visits) -> None:
    v = visit()
    for moves, decay in ((0, 0.0), (40, 0.3), (700, 1.2)):
        world = v.page.evaluate(
            """([moves, decay]) => { const B = Timeless.sandbox, w = B.fresh();
            w.decay = decay; for (let i = 0; i < moves; i++) B.move(w);
            return B.snapshot(w); }""",
            [moves, decay],
        )
        for name, value in recomputed(world).items():
            assert world[name] == pytest.approx(value, abs=1e-9), name
        assert (world["order"] > 0.9) == (decay > 1)


def test_the_trigger_crystallises_and_reset_undoes_it(visit: Visits) -> None:
    v = visit(reduced_motion="reduce")  # all moves at once: nothing to wait for
    node = v.figure("sandbox")
    fresh = v.page.evaluate("Timeless.sandbox.snapshot(Timeless.sandbox.world)")
    node.get_by_text("Trigger phase transition").click()
    after = v.page.evaluate("Timeless.sandbox.snapshot(Timeless.sandbox.world)")
    assert after["order"] > 0.9 > fresh["order"]
    assert after["entropy"] < fresh["entropy"]
    assert f"Ψ {after['order']:.3f}" in node.locator("p.reading").inner_text()
    node.get_by_text("Reset").click()
    assert v.page.evaluate("Timeless.sandbox.snapshot(Timeless.sandbox.world)") == fresh


def test_the_real_tokens_are_measured_likewise(visit: Visits) -> None:
    v = visit("#particles=real")
    node = v.figure("sandbox")
    v.settle()
    world = v.page.evaluate("Timeless.sandbox.snapshot(Timeless.sandbox.real(Timeless.current(), 6))")
    for name, value in recomputed(world).items():
        assert world[name] == pytest.approx(value, abs=1e-9), name
    assert "token embeddings" in node.locator(".caption").inner_text()


# Strangers


def test_hostile_text_is_shown_as_text(visit: Visits) -> None:
    v = visit("#run=run1")
    v.figure("circle")
    v.settle()
    assert "owned" not in v.page.title()
    assert v.page.locator("main img, main b[onload], option b").count() == 0
    assert "<b onload=x>name&amp;" in v.page.locator("[data-fill=name]").first.inner_text()
    assert "</script><img" in v.page.locator("#runs").inner_text()


def test_claims_carry_their_verdicts(visit: Visits) -> None:
    v = visit()
    claims = v.page.locator("[data-claims=fourier] li")
    assert "holds in part" in claims.first.inner_text()
    assert "not measured yet" in claims.nth(1).inner_text()
    assert "</script><b>markup</b>" in v.page.locator("#otherclaims").inner_text()


@pytest.mark.parametrize("theme, width", [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing_serious(theme: str, width: int, visit: Visits) -> None:
    v = visit(f"#theme={theme}", width=width)
    for name in (*FIGURES, *ABSENT):
        v.figure(name)
    v.settle()
    v.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = v.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    serious = [
        (f["id"], f["nodes"][0]["html"][:160]) for f in found if f["impact"] in ("serious", "critical")
    ]
    assert not serious


def test_where_the_split_is_unknown_nothing_is_said_of_train_and_test_pairs(
    visit: Visits, tiny_run: Path, tmp_path: Path
) -> None:
    """Two epochs of the run, brought in as weights that were trained elsewhere."""
    run = Run(tiny_run)
    weights = tmp_path / "weights"
    weights.mkdir()
    for epoch in (run.epochs[0], run.final_epoch):
        torch.save(run.weights(epoch), weights / f"e{epoch}.pt")  # bare: an export would say its split
    theirs = import_checkpoints(Request(weights, tmp_path / "theirs")).path
    ensure_measured(theirs)
    build_site([theirs], tmp_path / "page")
    v = visit(folder=tmp_path / "page")
    assert v.page.locator("header .acc").inner_text().startswith("all pairs")
    assert v.page.locator("#phase").inner_text() == ""
    assert v.page.evaluate("Timeless.current().phases") == []
    assert "which pairs it was trained on is not known" in v.page.locator(".hero").inner_text()
    assert not any(node.is_visible() for node in v.page.locator("[data-split=known]").all())
    v.figure("grokking")
    assert "the split is unknown" in v.page.evaluate(
        "Timeless.mounted.find((m) => m.id === 'grokking').drawn.describe(0)"
    )
    touch = v.figure("touch")
    touch.locator(".meters").first.wait_for()
    assert touch.locator(".meters .choicelabel").all_inner_texts() == ["all pairs answered right"]
    assert touch.locator("table.live th").all_inner_texts()[:2] == ["all loss", "all right"]


def test_a_page_of_a_run_whose_history_is_null(
    visit: Visits, tiny_run: Path, tmp_path: Path, made_by_hand: Callable[[Path], None]
) -> None:
    run = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    made_by_hand(run)
    record = read_json(run / "history.json")
    lists = {name: [None] * len(values) for name, values in record.items() if isinstance(values, list)}
    write_json(run / "history.json", record | lists | {"epochs": record["epochs"]})
    build_site([run], tmp_path / "page")
    v = visit(folder=tmp_path / "page")
    assert v.page.locator("#trainacc").inner_text() == "–"
    for name in ("grokking", "norms", "circle"):
        v.figure(name)
    v.settle()  # and at the end no visit may have had an error

"""The page as a reader uses it: keyboard, links, themes, widths, live weights, no network."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from grokking.runs.run import Run

pytestmark = pytest.mark.slow
RECORDED = Path(__file__).parents[2] / "docs" / "recorded"
FIGURES = (
    "circle",
    "architecture",
    "walk",
    "neuron",
    "six",
    "analyser",
    "grokking",
    "progress",
    "norms",
    "directional",
    "layernorm",
    "touch",
    "sandbox",
    "attention",
    "spectrum2d",
    "multiplication",
)
ABSENT = {
    "sweep": "--sweep",
    "kinematics": "--kinematics",
    "audit": "grokking audit",
    "attack": "--thorough",
    "cogrok": "add,mul",
    "game": "--audits",
}
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
    v.page.locator("a[data-moment=memorised]:visible").first.click()
    v.settle()
    wanted = v.page.evaluate("Timeless.current().moment('memorised')")
    steps = v.page.evaluate("Timeless.current().steps")
    assert epoch_shown(v.page) == min(step for step in steps if step >= wanted)


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


SMALL = """() => {
    document.querySelectorAll('details').forEach((node) => { node.open = true; });
    const found = [...document.querySelectorAll('button, select, input, summary, a[href]')].filter((node) =>
        node.checkVisibility());
    const target = (node) => (/checkbox|radio/.test(node.type) && node.closest('label')) || node;
    return found.map((node) => [node.outerHTML.slice(0, 90), target(node).getBoundingClientRect()])
        .filter(([, box]) => box.width < 32 || box.height < 32)
        .map(([text, box]) => [text, box.width, box.height]); }"""


def test_a_finger_hits_what_can_be_pressed(visit: Visits) -> None:
    """32 CSS pixels each way at least, on a phone, of everything that is drawn and unfolded."""
    v = visit(width=390, has_touch=True)
    for name in (*FIGURES, *ABSENT):
        v.figure(name)
    v.page.locator("#laboratory").scroll_into_view_if_needed()
    v.page.wait_for_function("Timeless.lab.own.runs.length")
    assert v.page.locator("button:visible").count() > 20
    assert v.page.evaluate(SMALL) == []


def test_on_paper_no_figure_is_empty(visit: Visits) -> None:
    """Not one was scrolled to: those of other runs are drawn, one that would have to compute is left out."""
    v = visit("#run=run0")
    v.page.wait_for_function("Object.keys(Timeless.waiting).length === 0 && Timeless.received.run0")
    v.page.emulate_media(media="print")
    v.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    empty = v.page.evaluate(
        """Timeless.mounted.filter((m) => m.node.checkVisibility() && !m.node.classList.contains('absent')
            && !m.node.querySelector('canvas, svg')).map((m) => m.id)"""
    )
    assert empty == []
    assert not v.page.locator("figure[data-figure=touch]").is_visible()
    assert v.page.locator("figure[data-figure=multiplication] canvas").first.is_visible()

"""The laboratory of the page as its reader uses it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grokking.from_config import initial_weights
from grokking.interop.importing import Request, import_checkpoints
from grokking.page.bundle import make_bundle
from grokking.page.pack import unpacked
from grokking.runs.run import Run
from grokking.runs.view import all_views
from tests.page.laboratory import ENDED, FIRST, QUICK, Visits, flat, opened, press, words

pytestmark = pytest.mark.slow
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
ARRAYS = {
    "means": 2e-3,
    "own": 0,
    "sines": 2e-3,
    "votes": 2e-3,
    "r2": 2e-3,
    "scores": 2e-3,
    "spectrum": 1,
    "train": 0,
}
"""Of the record that the page's figures read: how far the page and Python may lie apart."""
HIDE = """(hidden) => {
    Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event('visibilitychange')); }"""


def test_a_run_is_trained_saved_imported_and_loaded(visit: Visits, tmp_path: Path) -> None:
    v = opened(visit, task="mul", **QUICK)
    press(v, "start")
    v.page.wait_for_function(ENDED + "60")
    assert "All epochs are done" in words(v)
    with v.page.expect_download() as download:
        v.page.get_by_role("button", name="Save", exact=True).click()
    archive = tmp_path / download.value.suggested_filename
    download.value.save_as(archive)
    v.page.get_by_role("button", name="Show it in the figures above").click()
    v.page.wait_for_function("Timeless.state.run === 'lab1'")
    run = Run(import_checkpoints(Request(archive, tmp_path / "run")).path)
    assert_the_figures_show_what_python_measures(v, run)
    press(v, "reset")
    v.page.locator("[data-lab=load]").set_input_files(archive)
    v.page.wait_for_function(f"{FIRST}.epoch === 60")
    weights = v.page.evaluate(
        f"{FIRST}.snapshot().then((found) => Array.from(found.kept[found.kept.length - 1].weights))"
    )
    assert (
        np.float32(weights).tobytes()
        == flat({k: run.weights(60)[k] for k in initial_weights(run.config)}).tobytes()
    )
    rows = v.page.evaluate(f"{FIRST}.rows.map((row) => row.test_loss)")
    assert rows == pytest.approx(run.history["reported_test_loss"], rel=1e-9)


def assert_the_figures_show_what_python_measures(v: Any, run: Run) -> None:
    """The record made in the page against the one that the page's build makes of the same weights."""
    record = v.page.evaluate(
        """(() => { const r = Timeless.received.lab1, arrays = {};
        for (const n in r.arrays) arrays[n] = Array.from(r.arrays[n].values);
        return JSON.stringify({ ...r, arrays }); })()"""
    )
    found, (view,) = json.loads(record), all_views(run)
    wanted = make_bundle(view, 0).record
    for name in ("members", "generator", "group", "keys", "circle", "neurons", "neuron_frequencies", "steps"):
        assert found[name] == wanted[name], name
    assert found["story"] == pytest.approx(wanted["story"])
    assert found["hidden"] == wanted["hidden"]
    for name in ("waves_alone", "waves_without"):
        assert found["at_steps"][name] == pytest.approx(wanted["at_steps"][name]), name
    for name, tolerance in ARRAYS.items():
        expected = unpacked(wanted["arrays"][name]).ravel()
        assert np.array(found["arrays"][name]) == pytest.approx(expected, abs=tolerance), name


@pytest.mark.parametrize("screen", [390, 1280])
def test_nothing_sticks_out_and_axe_finds_nothing_serious(visit: Visits, screen: int) -> None:
    v = opened(visit, screen, **QUICK)
    v.page.locator("[name=beside]").check()
    press(v, "start")
    v.page.wait_for_function("Timeless.lab.own.runs.every((run) => run.epoch >= 60 && !run.running)")
    v.settle()
    assert v.page.evaluate("document.documentElement.scrollWidth") <= screen
    assert v.page.locator(".lab-run canvas").count() == 6
    v.page.evaluate(AXE.read_text(encoding="utf-8"))
    found = v.page.evaluate("axe.run('#laboratory', {resultTypes: ['violations']})")["violations"]
    assert [f["id"] for f in found if f["impact"] in ("serious", "critical")] == []


def test_decay_and_rate_change_while_it_trains(visit: Visits) -> None:
    v = opened(visit, **QUICK | {"until": "100000"})
    press(v, "start")
    v.page.wait_for_function(f"{FIRST}.epoch > 20")
    for name, value in (("decay", "9"), ("lr", "0.004")):
        v.page.locator(f"[name={name}]").fill(value)
        v.page.locator(f"[name={name}]").blur()
    at = v.page.evaluate(f"{FIRST}.epoch")
    v.page.wait_for_function(f"{FIRST}.epoch > {at + 300}")
    press(v, "start")
    v.page.wait_for_function(f"!{FIRST}.running")
    norms = v.page.evaluate(f"{FIRST}.rows.map((row) => row.weight_norm)")
    assert norms[-1] < 0.5 * max(norms)
    changes = v.page.evaluate(f"{FIRST}.snapshot().then((found) => found.changes)")
    assert [(c["lr"], c["decay"]) for c in changes] == [(0.002, 9), (0.004, 9)]


def test_two_runs_start_from_the_same_weights_and_a_rewind_repeats_them(visit: Visits) -> None:
    v = opened(visit, **QUICK)
    v.page.locator("[name=beside]").check()
    press(v, "start")
    v.page.wait_for_function("Timeless.lab.own.runs.every((run) => run.epoch >= 60 && !run.running)")
    rows = v.page.evaluate("Timeless.lab.own.runs.map((run) => run.rows)")
    assert rows[0][0] == rows[1][0]
    assert rows[0][-1]["weight_norm"] < rows[1][-1]["weight_norm"]
    press(v, "rewind")
    v.page.wait_for_function("Timeless.lab.own.runs.every((run) => run.epoch === 0 && run.rows.length)")
    press(v, "start")
    v.page.wait_for_function("Timeless.lab.own.runs.every((run) => run.epoch >= 60 && !run.running)")
    assert v.page.evaluate("Timeless.lab.own.runs.map((run) => run.rows)") == rows
    assert v.page.locator(".lab-charts .thin").count() == 5


@pytest.mark.parametrize(
    "name, text, why",
    [
        ("decay", "99", "a number from 0 to 20"),
        ("lr", "-1", "a number from 0.00001 to 1"),
        ("lr", "fast", "a number"),
        ("seed", "1.5", "a whole number from 0 to 2147483647"),
        ("fraction", "1", "from 0.05 to 0.95"),
        ("until", "", "a whole number from 10 to 100000"),
    ],
)
def test_absurd_settings_are_refused_in_words(visit: Visits, name: str, text: str, why: str) -> None:
    v = opened(visit, **{name: text})
    press(v, "start")
    assert why in words(v)
    assert v.page.locator(f"[name={name}]").get_attribute("aria-invalid") == "true"
    assert not v.page.evaluate("Timeless.lab.own.runs.some((run) => run.running)")


def test_a_run_that_diverges_says_so_and_keeps_its_last_good_state(visit: Visits) -> None:
    v = opened(visit, **QUICK | {"until": "5000"})
    press(v, "start")
    v.page.wait_for_function(f"{FIRST}.epoch > 20")
    for name, value in (("decay", "20"), ("lr", "1")):
        v.page.locator(f"[name={name}]").fill(value)
        v.page.locator(f"[name={name}]").blur()
    v.page.wait_for_function(f"{FIRST}.diverged")
    good = v.page.evaluate(f"{FIRST}.diverged.good")
    shown = v.page.evaluate(f"Timeless.count({good})")
    assert f"The last good state, of epoch {shown}, is kept" in words(v)
    assert v.page.evaluate(
        f"{FIRST}.snapshot().then((f) => f.kept[f.kept.length - 1].weights.every(Number.isFinite))"
    )
    for name, value in (("decay", "1"), ("lr", "0.001"), ("until", str(good + 50))):
        v.page.locator(f"[name={name}]").fill(value)
        v.page.locator(f"[name={name}]").blur()
    press(v, "start")
    v.page.wait_for_function(ENDED + str(good + 50))
    losses = v.page.evaluate(f"{FIRST}.rows.map((row) => row.train_loss)")
    assert np.isfinite(losses).all()


def test_a_hidden_tab_pauses(visit: Visits) -> None:
    v = opened(visit, **QUICK | {"until": "100000"})
    press(v, "start")
    v.page.wait_for_function(f"{FIRST}.epoch > 20")
    v.page.evaluate(HIDE, True)
    v.page.wait_for_function(f"!{FIRST}.running")
    at = v.page.evaluate(f"{FIRST}.epoch")
    assert "Paused while this tab was hidden" in words(v)
    v.page.evaluate(HIDE, False)
    v.page.wait_for_function(f"{FIRST}.running && {FIRST}.epoch > {at}")
    press(v, "start")


def test_files_that_are_no_saved_runs_are_refused_in_words(visit: Visits, tmp_path: Path) -> None:
    v = opened(visit)
    for content, why in (
        (b"", "not an archive"),
        (b"PK" + bytes(40), "not an archive"),
        (bytes(22), "not an"),
    ):
        path = tmp_path / "run.zip"
        path.write_bytes(content)
        v.page.locator("[data-lab=load]").set_input_files(path)
        v.page.locator("[data-lab=says]", has_text=why).wait_for()
        press(v, "reset")


def test_twenty_restarts_take_no_more_memory(visit: Visits) -> None:
    v = opened(visit, **QUICK)
    heap = []
    session = v.page.context.new_cdp_session(v.page)
    for i in range(21):
        v.page.locator("[name=seed]").fill(str(i))
        v.page.locator("[name=seed]").blur()
        v.page.wait_for_function(
            f"{FIRST}.epoch === 0 && {FIRST}.settings.seed === {i} && {FIRST}.rows.length"
        )
        press(v, "start")
        v.page.wait_for_function(ENDED + "60")
        session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")["usedSize"]
        heap.append((used, v.page.evaluate(f"{FIRST}.memory"), len(v.page.workers)))
    assert len({tuple(rest) for _, *rest in heap}) == 1  # of the network's memory, and one Worker
    assert heap[-1][0] < heap[0][0] + 2_000_000

"""The page for everyone: hostile names, claims, accessibility, runs whose split or history is not known."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from grokking.interop.importing import Request, import_checkpoints
from grokking.page.site import build_site
from grokking.runs.progress_measures import ensure_measured
from grokking.runs.run import Run
from grokking.storage.atomic_io import read_json, write_json
from tests.page.test_browser import ABSENT, FIGURES

pytestmark = pytest.mark.slow
Visits = Callable[..., Any]
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"


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
    assert "Which pairs it was trained on is not known" in v.page.locator(".hero").inner_text()
    assert not any(
        node.is_visible() for node in v.page.locator("[data-if~=split], [data-when~=plateau]").all()
    )
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

"""Figures of what was measured elsewhere, with the recorded throws and the recorded attack."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grokking.audit.over_training import series_and_write
from grokking.page.pack import unpacked
from grokking.page.site import Extras, build_site
from grokking.storage.atomic_io import read_json
from grokking.storage.run_directory import AUDIT_SERIES
from grokking.tasks.kinematics import height

pytestmark = pytest.mark.slow
RECORDED = Path(__file__).parents[2] / "docs" / "recorded"
Visits = Callable[..., Any]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, tiny_run: Path) -> Path:
    """A page with a tiny run, audited thoroughly, and the recorded throws."""
    folder = tmp_path_factory.mktemp("extras") / "page"
    series_and_write(run := shutil.copytree(tiny_run, folder.parent / "run"), thorough=True)
    build_site([run], folder, Extras(kinematics=RECORDED / "kinematics" / "trajectories.json"))
    return folder


def mean_error(record: dict[str, Any], angle: int, speed: int) -> float:
    """Of the last checkpoint, over the distances that are asked, metres."""
    answers = unpacked(record["answers"])[-1, angle, speed]
    true = height(record["angles"][angle], record["speeds"][speed], np.array(record["x"]))
    asked = answers != record["nothing"]
    return float(np.abs((answers[asked] + 0.5) * record["bin_height"] - true[asked]).mean())


@pytest.mark.parametrize("angle, speed", [(18, 10), (17, 25), (35, 0)], ids=["angle", "speed", "steep"])
def test_a_throw_of_the_readers_choice_is_the_networks_answer(
    visit: Visits, page: Path, angle: int, speed: int
) -> None:
    record = read_json(RECORDED / "kinematics" / "trajectories.json")
    v = visit("#epoch=60", folder=page)
    node = v.figure("kinematics")
    for name, value in (("Launch angle", angle), ("Speed", speed)):
        node.get_by_label(name, exact=True).fill(str(value))
    v.settle()
    assert (v.state("angle"), v.state("speed")) == (angle, speed)
    reading = node.locator(".reading").inner_text()
    assert f"{record['angles'][angle]:g}°, {record['speeds'][speed]:g} m/s" in reading
    shown = float(reading.split("Mean error ")[1].split(" m")[0])
    assert shown == pytest.approx(mean_error(record, angle, speed), rel=0.05)
    known = record["known_angles"][angle] and record["known_speeds"][speed]
    assert ("never trained" in reading) == (not known)
    dots = node.locator("circle[visibility=visible]").count()
    assert dots == (unpacked(record["answers"])[-1, angle, speed] != record["nothing"]).sum()


def test_the_map_chooses_the_throw_under_the_pointer(visit: Visits, page: Path) -> None:
    v = visit(folder=page)
    canvas = v.figure("kinematics").locator("canvas")
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] - 10, "y": 22})
    v.settle()
    assert (v.state("angle"), v.state("speed")) == (35, 25)


def test_the_text_quotes_the_attack_at_the_moments_that_it_names(visit: Visits) -> None:
    """Run2 is the recorded addition at four of its epochs, without its audit: here it comes in."""
    series = read_json(RECORDED / "addition" / AUDIT_SERIES)
    audit = {name: series[name] for name in ("epochs", "robustness")}
    v = visit("#run=run2")
    assert not v.page.locator("[data-fill=flip_end]").is_visible()
    v.page.evaluate(
        "(audit) => { const s = Timeless.current(); s.audit = audit; Timeless.showProse(s); }", audit
    )
    for moment, epoch in (("memorised", 290), ("end", 15000)):
        share = series["robustness"][series["epochs"].index(epoch)]
        shown = v.page.locator(f"[data-fill=flip_{moment}]")
        assert shown.is_visible()
        assert shown.inner_text() == v.page.evaluate(f"Timeless.percent({share})"), moment


def test_a_thorough_audit_over_training_gives_the_curve_of_the_attack(visit: Visits, page: Path) -> None:
    v = visit(folder=page)
    series = read_json(page.parent / "run" / AUDIT_SERIES)
    v.figure("attack")
    drawn = v.page.evaluate("Timeless.mounted.find((m) => m.id === 'attack').drawn.data()")
    assert drawn == {name: series[name] for name in ("epochs", "robustness")}
    assert any(share is not None for share in drawn["robustness"])

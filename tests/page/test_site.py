"""Building the page: what is written, what is refused, what stands in the text."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.metrics.heights import answered_bins
from grokking.page.claims import NOT_YET, judged, known_claims, read_table
from grokking.page.extras import read_aligned, read_sweep, record_sweep
from grokking.page.pack import unpacked
from grokking.page.recorded import record_run
from grokking.page.site import ASSETS, Extras, build_site, index_html
from grokking.page.trajectories import read_trajectories, record_trajectories
from grokking.runs.kinematics_probes import kinematics_task
from grokking.runs.progress_measures import read_progress
from grokking.runs.run import Run
from grokking.storage.atomic_io import write_json
from tests.dying import killed_at, no_sigkill

RECORDED = Path(__file__).parents[2] / "docs" / "recorded"
LARGEST_RECORD = 8_000_000
KINEMATICS = {
    "task": "kinematics",
    "d_model": 16,
    "n_heads": 2,
    "d_mlp": 16,
    "n_angles": 8,
    "n_speeds": 6,
    "n_distances": 7,
    "n_bins": 8,
    "heldout_angles": 1,
    "heldout_speeds": 1,
    "n_epochs": 20,
    "log_every": 10,
    "checkpoint_every": 10,
}


def test_a_page_of_two_operations_and_one_without_a_group(
    tmp_path: Path, tiny_config: RunConfig, train_run: Callable[..., Path]
) -> None:
    config = RunConfig(**tiny_config.as_dict() | {"task": "add,x2+y2", "n_epochs": 30})
    index = build_site([train_run(config, tmp_path / "run")], tmp_path / "site")
    text = (tmp_path / "site" / "data" / "page.js").read_text()
    subjects = json.loads(text[text.index("{") : text.rindex("}") + 1])["subjects"]
    assert [(s["operation"], s["group"]) for s in subjects] == [("add", "additive"), ("x2+y2", None)]
    assert index == tmp_path / "site" / "index.html"
    again = build_site([tmp_path / "run"], tmp_path / "site")  # an earlier page may be replaced
    assert again.exists()


def test_nothing_in_the_page_points_outside() -> None:
    page = index_html(["js/core.js"])
    assert not re.findall(r"src=\"(?:https?:)?//", page)
    outside = re.findall(r"<(\w+) [^>]*href=\"(?:https?:)?//([^/\"]+)", page)
    assert set(outside) == {("a", "arxiv.org")}  # references that a reader may follow; nothing is loaded
    scripts = "".join(path.read_text() for path in (ASSETS / "js").rglob("*.js"))
    forbidden = r"fetch\(|XMLHttpRequest|\bimport\b *[({'\"]|innerHTML|Math\.random|setInterval"
    assert not re.search(forbidden, scripts)


def test_every_formula_is_a_picture_with_words() -> None:
    page = index_html([])
    assert "{{" not in page
    texts = json.loads((ASSETS / "formulas" / "formulas.json").read_text())
    pictures = json.loads((ASSETS / "formulas" / "formulas.svg.json").read_text())
    assert texts.keys() == pictures.keys()
    shown = re.findall(r'id="formula-([a-z_0-9]+)"', page)
    assert set(shown) == set(texts)
    ids = re.findall(r'<path id="([^"]+)"', page)
    assert len(ids) == len(set(ids))  # or one formula would draw another's letters


def test_every_figure_has_its_place() -> None:
    placed = set(re.findall(r'data-figure="([a-z0-9]+)"', index_html([])))
    made = {
        name
        for path in (ASSETS / "js" / "figures").glob("*.js")
        for name in re.findall(r"T\.figure\('([a-z0-9]+)'", path.read_text())
    }
    assert placed == made


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, tiny_run: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="something else"):
        build_site([tiny_run], tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_run_without_weights_or_history_is_named_and_nothing_done(tmp_path: Path, tiny_run: Path) -> None:
    for pattern, message in (("checkpoint_*", "no weights"), ("history.json", "history.json")):
        broken = tmp_path / pattern.strip("*_")
        shutil.copytree(tiny_run, broken)
        for path in broken.glob(pattern):
            path.unlink()
        with pytest.raises(UserError, match=message):
            build_site([broken], tmp_path / "site")
    assert not (tmp_path / "site").exists()


BUILD = """
from pathlib import Path
from grokking.page.site import build_site
build_site([Path({run!r})], Path({target!r}))
"""
RECORD = """
from pathlib import Path
from grokking.page.recorded import record_run
record_run(Path({run!r}), Path({target!r}), 3)
"""


@no_sigkill
@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 10, 24])
def test_a_page_whose_building_was_killed_is_no_page_and_is_built_again(
    n: int, tmp_path: Path, tiny_run: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    target = tmp_path / "site"
    build_site([tiny_run], target)
    whole = contents(target)
    killed_at(n, "grokking.page.site", "write_bytes", BUILD.format(run=str(tiny_run), target=str(target)))
    assert not (target / "index.html").exists()
    build_site([tiny_run], target)
    assert contents(target) == whole


# Claims


def test_a_table_is_read_whatever_stands_around_it() -> None:
    text = (
        "# Claims\n\n| Source | Claim | Verdict |\n|:--|---|--:|\n"
        "| s | `a` **b** [c](http://x) \\| d | holds |\n"
        "\n| x | y |\n| - | - |\n| 1 | 2 |\n"
    )
    (row,) = read_table(text)
    assert (row["claim"], row["verdict"], row["measured"]) == ("a b c | d", "holds", "")


def test_claims_take_their_row_and_leave_the_others(tmp_path: Path) -> None:
    path = tmp_path / "claims.md"
    path.write_text(
        "| claim | source | measured (n, interval) | verdict | command |\n| - | - | - | - | - |\n"
        "| Tasks grok at exactly the same time | t7 | 5 seeds | does not hold | c |\n"
        "| Moon | x | y | z | c |\n"
    )
    result = judged(path)
    rows = {claim["id"]: claim["row"] for claim in result["claims"]}
    assert rows["cogrok"]["verdict"] == "does not hold"
    assert rows["cogrok"]["measured"] == "5 seeds"
    assert rows["circle"] is None
    assert [row["claim"] for row in result["others"]] == ["Moon"]
    assert all(claim["row"] is None for claim in judged(tmp_path / "absent.md")["claims"])
    assert NOT_YET in (ASSETS / "js" / "main.js").read_text()


MEASURED = {
    "decay": "contracts weights",
    "directional": "Directional derivatives",
    "layer-norm": "Layer norm",
    "temperature": "lower temperature",
    "peaks": "2-D spectrum",
    "dlog": "adding discrete logarithms",
    "cogrok": "exactly the same time",
    "shared": "share an embedding",
    "lookup": "Lookup-table",
    "brittle": "fail completely",
    "kinematics-decay": "Phase transition under weight decay",
    "trigonometric": "trigonometric vector",
    "extrapolation": "perfect accuracy",
    "white-box": "White-box",
    "invisible": "in silence",
    "routing": "channels",
    "immune": "immune",
}
"""Claims with a row in docs/claims.md, and words of that row's claim that no other row has."""


def test_every_verdict_stands_beside_its_own_claim(root: Path) -> None:
    found = {claim["id"]: claim["row"] for claim in judged(root / "docs" / "claims.md")["claims"]}
    for name, words in MEASURED.items():
        assert found[name] is not None, name
        assert words in found[name]["claim"], name
        assert not found[name]["command"].endswith("results")  # links are named by their path
    rows = [row["claim"] for row in found.values() if row is not None]
    assert len(set(rows)) == len(rows)


def test_claims_have_a_section_each() -> None:
    sections = set(re.findall(r'data-claims="([a-z]+)"', index_html([])))
    assert {claim["section"] for claim in known_claims()} == sections


# What others measured


@pytest.mark.parametrize("last", ["js/clock.js", "data/page.js"])
def test_what_was_written_of_a_page_that_failed_goes(last: str, tmp_path: Path, monkeypatch) -> None:
    site, written = tmp_path / "site", []

    def full(path: Path, content: bytes) -> None:
        if path == site / last:
            raise UserError("cannot write: No space left on device")
        written.append(path)
        path.write_bytes(content)

    with monkeypatch.context() as disk:
        disk.setattr("grokking.page.site.write_bytes", full)
        with pytest.raises(UserError, match="No space"):
            build_site([RECORDED / "multiplication"], site)
    assert written
    assert not site.exists()  # it was not there before
    assert build_site([RECORDED / "multiplication"], site).is_file()


def test_a_sweep_from_a_folder_of_runs(tmp_path: Path, tiny_run: Path) -> None:
    shutil.copytree(tiny_run, tmp_path / "a")
    (tmp_path / "notes").mkdir()
    sweep = read_sweep(tmp_path)
    assert sweep is not None
    (row,) = sweep["runs"]
    assert (row["train_frac"], row["seed"], row["epochs"], row["grokking_epoch"]) == (0.5, 0, 60, None)
    with pytest.raises(UserError, match="no run directory that was trained"):
        read_sweep(tmp_path / "notes")


def test_a_recorded_sweep_is_the_sweep(tmp_path: Path, tiny_run: Path) -> None:
    shutil.copytree(tiny_run, tmp_path / "runs" / "one")
    whole = read_sweep(tmp_path / "runs")
    path = record_sweep(tmp_path / "runs", tmp_path / "kept")
    assert read_sweep(path) == whole
    assert whole is not None
    assert whole["provenance"].startswith("Sweep runs: 1 run, commits ")


@pytest.mark.parametrize("content", ["[]", '{"runs": [{"seed": "<b>"}]}', '{"runs": 3}', "{"])
def test_a_sweep_of_another_form_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "sweep.json"
    path.write_text(content)
    with pytest.raises(DamagedFile, match="sweep.json"):
        build_site([RECORDED / "multiplication"], tmp_path / "site", Extras(sweep=path))


def test_records_over_epochs_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "k.json"
    assert read_aligned(path, "record") is None
    for content in ('{"epochs": [3, 1]}', '{"epochs": []}', "{}"):
        path.write_text(content)
        with pytest.raises(DamagedFile, match="epochs"):
            read_aligned(path, "record")


@pytest.mark.slow
def test_a_kinematics_run_gives_its_trajectories_and_no_subject(
    tmp_path: Path, train_run: Callable[..., Path]
) -> None:
    run = train_run(RunConfig(**KINEMATICS), tmp_path / "run")
    record = read_trajectories(run)
    assert record is not None
    assert record["epochs"] == Run(run).epochs
    task, split = kinematics_task(Run(run)), Run(run).known_split
    answers = unpacked(record["answers"])
    assert answers.shape == (len(record["epochs"]), *task.height_grid.shape)
    asked = (task.height_grid >= 0) & (task.height_grid < task.options.ceiling)
    assert ((answers != record["nothing"]) == asked).all()
    last = answered_bins(Run(run).observe(record["epochs"][-1]))
    assert (answers[-1][tuple(task.indices.T)] == last).all()
    trained = np.unpackbits(unpacked(record["trained"]))[: asked.size].reshape(asked.shape)
    assert task.row_of[trained == 1].tolist() == split.train.tolist()
    assert read_trajectories(record_trajectories(run, tmp_path / "kept")) == record
    with pytest.raises(UserError, match="--kinematics"):
        build_site([run], tmp_path / "site")
    with pytest.raises(UserError, match="does not exist"):
        read_trajectories(tmp_path / "nowhere")
    write_json(tmp_path / "earlier.json", {"epochs": [0, 10], "trajectories": []})
    with pytest.raises(DamagedFile, match="no x, angles.*grokking record"):
        read_trajectories(tmp_path / "earlier.json")


# Recorded runs


def test_a_recorded_run_is_a_run_of_its_own(tmp_path: Path, tiny_run: Path) -> None:
    source, copy = Run(tiny_run), Run(record_run(tiny_run, tmp_path / "copy", 3))
    assert len(copy.epochs) == 3
    assert (copy.epochs[0], copy.epochs[-1]) == (source.epochs[0], source.epochs[-1])
    assert copy.history == source.history
    read_progress(copy)
    for name, tensor in copy.weights(copy.final_epoch).items():
        original = source.weights(source.final_epoch)[name]
        assert (tensor == original.half().float()).all()
        assert str(tensor.dtype) == "torch.float32"
    with pytest.raises(UserError, match="already"):
        record_run(tiny_run, tmp_path / "copy", 3)
    with pytest.raises(UserError, match="2 or more"):
        record_run(tiny_run, tmp_path / "other", 1)


@no_sigkill
@pytest.mark.slow
def test_a_recording_that_was_killed_is_no_run_and_is_made_again(tmp_path: Path, tiny_run: Path) -> None:
    target = tmp_path / "copy"
    killed_at(
        2,
        "grokking.storage.checksummed_dir",
        "write_bytes",
        RECORD.format(run=str(tiny_run), target=str(target)),
    )
    assert len(list(tmp_path.iterdir())) == 1  # what it had begun, under a hidden name
    assert not target.exists()
    record_run(tiny_run, target, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy"]


def test_what_ships_is_small_and_grokked() -> None:
    assert sum(path.stat().st_size for path in RECORDED.rglob("*")) <= LARGEST_RECORD
    run = Run(RECORDED / "addition")
    assert run.config.p == 113
    assert run.history["grokking_epoch"] is not None
    assert len(read_progress(run)["key_frequencies"]) > 0

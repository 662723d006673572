"""Reports of folders as they are met: complete, growing, mixed, damaged."""

import csv
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.metrics.early_warning import Departure
from grokking.metrics.phases import Phases
from grokking.runs.progress_measures import ensure_measured
from grokking.sweep import measured
from grokking.sweep.collect_results import Result
from grokking.sweep.grid import run_name
from grokking.sweep.measured import Lead, Measured, leads, leads_markdown
from grokking.sweep.report import write_report

CONFIG = RunConfig(p=59, n_epochs=1000)
PNG = b"\x89PNG"


@pytest.fixture
def folder(pretend: Callable[..., Path], tmp_path: Path) -> Path:
    """Two fractions and two weight decays: one run groks, two are censored, one is under way."""
    pretend(CONFIG, 100, 500, 600)
    pretend(replace(CONFIG, train_frac=0.1), 90, None, 1000)
    pretend(replace(CONFIG, weight_decay=0.0), 110, None, 1000)
    pretend(replace(CONFIG, train_frac=0.1, weight_decay=0.0), None, None, 300)
    return tmp_path


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_report_has_every_run_and_every_cell(folder: Path) -> None:
    report = write_report(folder, command=["grokking", "report", "sweep"])
    assert report == folder / "report" / "report.md"
    text = report.read_text()
    assert "4 runs in 4 cells of train_frac, weight_decay: 1 grokked, 2 censored at" in text
    assert "1 not over yet (censored where they are now)" in text
    assert "`grokking report sweep`" in text
    assert "`grokking sweep`" in text
    states = {row["run"]: row["state"] for row in rows(report.parent / "runs.csv")}
    assert states == {
        run_name(CONFIG): "grokked",
        run_name(replace(CONFIG, train_frac=0.1)): "censored",
        run_name(replace(CONFIG, weight_decay=0.0)): "censored",
        run_name(replace(CONFIG, train_frac=0.1, weight_decay=0.0)): "not over",
    }
    cells = {(row["train_frac"], row["weight_decay"]): row for row in rows(report.parent / "cells.csv")}
    assert cells["0.3", "1.0"]["grokking_median"] == "500.0"
    assert cells["0.3", "1.0"]["delay_median"] == "400.0"
    assert cells["0.1", "1.0"]["grokking_median"] == ""
    assert (cells["0.1", "1.0"]["share_low"], cells["0.1", "0.0"]["share_low"]) == ("0.0", "")
    assert "not reached" in text
    for figure in ("grokking_time", "phase_diagram"):
        assert (report.parent / f"{figure}.png").read_bytes().startswith(PNG)
        assert f"({figure}.png)" in text


@pytest.mark.slow
def test_a_report_is_the_same_again_and_does_not_count_itself(folder: Path) -> None:
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first


@pytest.mark.slow
def test_nothing_but_the_report_is_written(
    folder: Path, contents: Callable[[Path], dict[str, bytes]]
) -> None:
    before = contents(folder)
    write_report(folder, folder.parent / f"{folder.name}-report")
    assert contents(folder) == before


@pytest.mark.slow
def test_a_report_says_what_it_could_not_read(folder: Path) -> None:
    (folder / run_name(CONFIG) / "history.json").write_text("{")
    begun = folder / "begun"
    begun.mkdir()
    (begun / "config.json").write_text(json.dumps({"config": CONFIG.as_dict()}))
    text = write_report(folder).read_text()
    assert "3 runs in 3 cells" in text
    assert "1 not begun" in text
    assert re.search(r"## Unreadable\n\n- p=59_train_frac=0.3_seed=0: .*history.json is damaged", text)


def test_runs_that_differ_in_their_seed_alone_are_one_cell(
    pretend: Callable[..., Path], tmp_path: Path
) -> None:
    for seed in range(4):
        pretend(replace(CONFIG, seed=seed), 100, 300 + 10 * seed, 600)
    text = write_report(tmp_path).read_text()
    assert "4 runs in 1 cell of the seed alone" in text
    assert "| 4 | 0 … 3 | 1000 | 4 | 1.00 (0.40 – 1.00) | 315 (300 – not reached) |" in text


def test_fields_without_an_order_of_numbers_are_drawn_too(
    pretend: Callable[..., Path], tmp_path: Path
) -> None:
    for task in ("add", "mul"):
        for betas in ((0.9, 0.98), (0.9, 0.999)):
            pretend(replace(CONFIG, task=task, betas=betas), 100, 300, 600)
    assert "4 runs in 4 cells of task, betas" in write_report(tmp_path).read_text()


def test_a_field_that_some_of_the_runs_lack_is_empty_in_their_rows(
    pretend: Callable[..., Path], tmp_path: Path
) -> None:
    pretend(CONFIG, 100, 300, 600)
    pretend(RunConfig(task="s3"), 100, 300, 600)
    write_report(tmp_path)
    header, *rows = csv.reader((tmp_path / "report" / "runs.csv").read_text().splitlines())
    by_task = {row[header.index("task")]: row[header.index("p")] for row in rows}
    assert by_task == {CONFIG.task: str(CONFIG.p), "s3": ""}


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda f: f / "none", "is not a folder"),
        (lambda f: f, "contains no run directories"),
    ],
)
def test_folders_without_runs(make: Callable[[Path], Path], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        write_report(make(tmp_path))


def test_a_run_given_for_its_folder_is_told_so(pretend: Callable[..., Path], tmp_path: Path) -> None:
    run = pretend(CONFIG, 100, 300, 600)
    with pytest.raises(UserError, match="is a run directory itself; give the folder that contains it"):
        write_report(run)


def test_a_sweep_that_has_just_begun(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text(json.dumps({"config": CONFIG.as_dict()}))
    with pytest.raises(UserError, match=r"only runs that have not logged a row yet \(1\)"):
        write_report(tmp_path)


# Phases and early warnings


@pytest.fixture
def trained(tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one trained run, all of whose few checkpoints count."""
    monkeypatch.setattr(measured, "FEWEST_CHECKPOINTS", 3)
    shutil.copytree(tiny_run, tmp_path / "runs" / "tiny")
    return tmp_path / "runs"


@pytest.mark.slow
def test_measured_runs_have_phases_and_curves(trained: Path) -> None:
    assert "grokking measure" in write_report(trained).read_text()  # says how to get what is missing
    text = write_report(trained, make_measures=True).read_text()
    assert "| tiny | add | – | – | – | – |" in text  # it never groks: the first phase only, honest cells
    assert "## Early warning" in text
    assert (trained / "report" / "curves.png").read_bytes().startswith(PNG)
    (row,) = rows(trained / "report" / "phases.csv")
    assert (row["run"], row["circuit_formation"], row["gini_lead"]) == ("tiny", "", "")


@pytest.mark.slow
def test_a_figure_of_some_runs_says_that_it_leaves_others_out(trained: Path) -> None:
    ensure_measured(trained / "tiny")
    for i in range(6):
        shutil.copytree(trained / "tiny", trained / f"copy{i}")
    assert "![curves](curves.png)\n\n6 of 7 runs shown." in write_report(trained).read_text()
    shutil.rmtree(trained / "copy0")
    assert "shown." not in write_report(trained).read_text()


def test_too_few_weights_for_phases_are_told(tiny_run: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_run, tmp_path / "runs" / "tiny")
    ensure_measured(tmp_path / "runs" / "tiny")
    text = write_report(tmp_path / "runs").read_text()
    assert "leave out 1 run" in text
    assert "--keep film" in text


def test_a_run_without_kept_weights_is_told(trained: Path) -> None:
    for path in (trained / "tiny").glob("*.safetensors"):
        path.unlink()
    assert "no weights were kept" in write_report(trained, make_measures=True).read_text()


@pytest.mark.slow
def test_imported_runs_are_in_no_cell_and_nothing_is_invented_of_them(folder: Path) -> None:
    theirs = folder / "theirs"
    shutil.copytree(folder / run_name(CONFIG), theirs)
    (theirs / "manifest.json").unlink()
    about = json.loads((theirs / "config.json").read_text())
    about["config"] |= {"imported": True, "split": "unknown"}
    (theirs / "config.json").write_text(json.dumps(about))
    history = json.loads((theirs / "history.json").read_text())
    unknown = ("memorisation_epoch", "train_acc", "test_acc", "grokking_epoch")
    kept = {name: value for name, value in history.items() if name not in unknown}
    (theirs / "history.json").write_text(json.dumps(kept | {"grokking_epoch": None}))
    report = write_report(folder)
    assert "4 runs in 4 cells" in report.read_text()
    assert "## Trained elsewhere" in report.read_text()
    assert "| theirs | add | 59 | – | 600 | – | – |" in report.read_text()
    assert "theirs" not in (report.parent / "runs.csv").read_text()
    for path in folder.iterdir():
        if path not in (theirs, report.parent):
            shutil.rmtree(path)
    alone = write_report(folder).read_text()
    assert "| theirs | add | 59 |" in alone
    assert "cells of" not in alone
    assert not (report.parent / "grokking_time.png").exists()  # it was of other runs


@pytest.mark.slow
def test_an_earlier_report_leaves_no_figure_that_this_one_has_no_use_for(
    folder: Path, pretend: Callable[..., Path]
) -> None:
    figure = write_report(folder).parent / "phase_diagram.png"
    assert figure.exists()
    (figure.parent / "notes.txt").write_text("somebody's own")
    pretend(replace(CONFIG, lr=3e-3), 100, 500, 600)
    write_report(folder)
    assert not figure.exists()
    assert (figure.parent / "notes.txt").exists()


def test_a_directory_that_lost_its_config_is_named(folder: Path) -> None:
    (folder / run_name(CONFIG) / "config.json").unlink()
    text = write_report(folder).read_text()
    assert "3 runs in" in text
    assert f"{run_name(CONFIG)}: " in text
    assert "no config.json" in text


def test_leads_and_false_alarms_are_counted_by_hand() -> None:
    def run(grokked: int | None, **left: Departure) -> Measured:
        result = Result(Path("run"), CONFIG, grokked, 100, 1000)
        departures = {**left, "test_acc": Departure(600, 0.1, 0.2, 0)}
        return Measured(result, None, 100, grokked, Phases(), departures)

    found = leads(
        [
            run(700, gini=Departure(200, 0.1, 0.2, 400), excluded_loss=Departure(100, 1, 2, 500)),
            run(800, gini=Departure(650, 0.1, 0.2, -50), excluded_loss=Departure(200, 1, 2, 400)),
            run(900, gini=Departure(None, 0.1, 0.2), excluded_loss=Departure(300, 1, 2, 300)),
            run(950, gini=Departure(600, 0.1, 0.2, 0)),
            run(None, gini=Departure(300, 0.1, 0.2, false_alarm=True), excluded_loss=Departure()),
            run(None, gini=Departure(None, 0.1, 0.2), excluded_loss=Departure()),
        ]
    )
    assert found == [
        Lead("gini", (400, -50, 0), level=1, missed=2, false_alarms=1, never=2),
        Lead("excluded_loss", (500, 400, 300), level=0, missed=0, false_alarms=None, never=0),
    ]
    table = leads_markdown(found).splitlines()
    assert table[2] == "| gini | 3 | 0 | -50 … 400 | 1 | 2 | 1 of 2 |"
    assert table[3] == "| excluded_loss | 3 | 400 | 300 … 500 | 0 | 0 | – |"


# The commands


@pytest.mark.parametrize(
    "name, flags, code, out, err",
    [
        (
            "sweep",
            ["--p", "59", "--seed", "0:2", "--list"],
            0,
            "p=59_train_frac=0.3_seed=0\np=59_train_frac=0.3_seed=1\n",
            "",
        ),
        ("sweep", ["--seeds", "0:2"], 2, "", "error: unknown argument '--seeds'; did you mean --seed?"),
        ("report", ["nowhere"], 2, "", "error: nowhere is not a folder"),
    ],
)
def test_commands(
    name: str,
    flags: list[str],
    code: int,
    out: str,
    err: str,
    script: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = script(name, *flags)
    assert (ended.code, ended.out) == (code, out)
    assert ended.err.startswith(err)
    assert len(ended.err.splitlines()) == (code != 0)
    assert not list(tmp_path.iterdir())


def test_a_sweep_and_its_report_by_their_commands(
    script: Callable[..., Any], tiny_flags: list[str], tmp_path: Path
) -> None:
    flags = [*tiny_flags, "--n_epochs", 20, "--seed", "0:2", "--jobs", 1, "--output_dir", tmp_path]
    swept = script("sweep", *flags)
    assert (swept.code, swept.out) == (0, f"{tmp_path}\n")
    assert len(swept.err.splitlines()) == 2
    reported = script("report", tmp_path)
    assert (reported.code, reported.out) == (0, f"{tmp_path / 'report' / 'report.md'}\n")
    assert "`grokking sweep --p 11" in (tmp_path / "report" / "report.md").read_text()

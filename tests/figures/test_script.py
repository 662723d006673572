"""``grokking figures`` from its command line to the page."""

import pickle
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from grokking.figures import build
from grokking.figures.registry import figures
from tests.conftest import Ended


@pytest.fixture
def drawn(script: Callable[..., Ended]) -> Callable[..., str]:
    """drawn(argument, …) is what the command prints, in this process; the test fails if it is refused."""

    def run(*arguments: object) -> str:
        ended = script("figures", *arguments)
        assert ended.code == 0, ended.err
        return ended.out.rstrip("\n")

    return run


def assert_refused(ended: Ended, pattern: str) -> None:
    """In one line, after warnings at most, which matches the pattern, and with exit code 2."""
    assert (ended.code, ended.out) == (2, "")
    *before, last = ended.err.splitlines()
    assert all(line.startswith("warning: ") for line in before)
    assert re.fullmatch(f"error: .*{pattern}.*", last)


def test_a_page_with_two_figures_and_a_third_that_joins_them(drawn, trained, tmp_path):
    run, folder = trained(11, "add"), tmp_path / "out"
    page = folder / "index.html"
    two = ("--only", "margins", "embedding_spectrum")
    assert drawn(run, *two, "--output_dir", folder, "--jobs", 1) == str(page)
    drawn(run, "--only", "attention_average", "--output_dir", folder, "--jobs", 1, "--pdf", "--contact_sheet")
    names = {"margins", "embedding_spectrum", "attention_average"}
    wanted = {f"{name}.{kind}" for name in names for kind in ("png", "svg")}
    wanted |= {"attention_average.pdf", "contact_sheet.png", "index.html", "figures.json"}
    assert {file.name for file in folder.iterdir()} == wanted
    html = page.read_text()
    assert set(re.findall(r'<figure id="(\w+)">', html)) == names
    for target in re.findall(r'(?:src|href)="([^"#][^"]*)"', html):
        assert (folder / target).exists(), target
    assert "http" not in html  # offline
    assert html.count("How to read it") == 3
    drawn(run, "--only", "margins", "--output_dir", folder, "--epoch", 10, "--jobs", 1)
    html = page.read_text()
    assert set(re.findall(r'<figure id="(\w+)">', html)) == {"margins"}  # of another epoch: not mixed
    assert "epoch 10" in html


@contextmanager
def as_if_apart(_: int, begin: Callable[..., None], *arguments: Any) -> Iterator[Any]:
    """The pool of processes without its processes: all that goes to one and comes back is pickled."""
    pickle.loads(pickle.dumps(begin))(*pickle.loads(pickle.dumps(arguments)))

    def submit(work: Callable[..., Any], *values: Any) -> Future[Any]:
        sent, done = pickle.loads(pickle.dumps((work, values))), Future[Any]()
        done.set_result(pickle.loads(pickle.dumps(sent[0](*sent[1]))))
        return done

    yield submit


def test_several_processes_draw_what_one_does(drawn, trained, tmp_path, monkeypatch):
    """That the pool itself works is tested with the films; starting it costs seconds."""
    monkeypatch.setattr(build, "processes", as_if_apart)
    run = trained(11, "add")
    for jobs in (1, 2):
        drawn(run, "--only", "sparsity", "margins", "--output_dir", tmp_path / str(jobs), "--jobs", jobs)
    one, two = ({f.name: f.read_bytes() for f in (tmp_path / jobs).iterdir()} for jobs in "12")
    assert one == two


def test_the_list_names_every_figure(drawn):
    assert [line.split()[0] for line in drawn("--list").splitlines()] == [spec.name for spec in figures()]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--only", "margin"], "unknown figure 'margin'; known: learning, .*margins"),
        (["--epoch", "11"], "keeps no weights of epoch 11; nearest: 10"),
        (["--operation", "mul"], "not trained on 'mul'; it knows add"),
        (["--jobs", "0"], "jobs is 0; accepted: 1 or more"),
        (["--epoch", "x"], "invalid int value"),
    ],
)
def test_what_cannot_be_drawn_is_said_first(arguments, message, script, trained, tmp_path):
    assert_refused(
        script("figures", trained(11, "add"), "--output_dir", tmp_path / "out", *arguments), message
    )
    assert not (tmp_path / "out").exists()


def test_waves_of_a_task_without_a_group(drawn, script, trained, tmp_path):
    assert_refused(
        script("figures", trained(11, "x2+y2"), "--only", "circles", "--output_dir", tmp_path / "out"),
        "no cyclic group.*circles",
    )
    page = drawn(
        trained(11, "x2+y2"), "--only", "circles", "margins", "--output_dir", tmp_path / "out", "--jobs", 1
    )
    assert "no cyclic group and so no waves: circles" in Path(page).read_text()


@pytest.mark.parametrize(
    "gone, message",
    [
        ("config.json", "no config.json"),
        ("history.json", "cannot read .*history.json"),
        ("checkpoint_*", "no weights were kept"),
        ("*", "is not a folder"),
    ],
)
def test_an_incomplete_run_directory(gone, message, script, trained, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(trained(11, "add"), run)
    if gone == "*":
        shutil.rmtree(run)
    for file in list(run.glob(gone)):
        file.unlink()
    assert_refused(script("figures", run, "--output_dir", tmp_path / "out"), message)
    assert not (tmp_path / "out").exists()


def test_without_a_run_directory(script):
    assert_refused(
        script(
            "figures",
        ),
        "no run directory was given",
    )

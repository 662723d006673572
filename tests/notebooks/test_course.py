"""The notebooks of the course run from an installed package, and their exercises know right from wrong."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grokking.config import RunConfig
from grokking.course import RECIPES, check, course_run
from grokking.errors import UserError
from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9]_*.ipynb"))
SOLUTIONS = {
    "held_out": "len(run.split.test)",
    "memorised": "next(e for e, a in zip(epochs, history['train_acc']) if a >= 0.99)",
    "guess": "np.log(59)",
    "margin_of_one": "1 - np.cos(2 * np.pi / 59)",
    "four": "max((np.random.default_rng(i).choice(np.arange(1, 30), 4, replace=False).tolist()"
    " for i in range(300)), key=margin)",
    "keys": "[k for k, n in zip(*np.unique(view.shares.frequency, return_counts=True)) if k and n >= 6]",
    "below": "next(e for i, e in enumerate(at) if all(r < t for r, t in"
    " zip(progress['restricted_loss'][i:], progress['test_loss'][i:])))",
    "lead": "run.history['grokking_epoch'] - phases.circuit_formation",
    "spread": "max(one.history['grokking_epoch'] or one.config.n_epochs for one in runs)"
    " - min(one.history['grokking_epoch'] or one.config.n_epochs for one in runs)",
    "root": "next(g for g in range(2, 59) if len({pow(g, u, 59) for u in range(58)}) == 58)",
    "three": "sum(sorted(frequency_share(view.embedding))[-3:])",
    "s5": "120",
    "klein": "[[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]]",
    "at_random": "accuracy_without(np.isin(np.arange(256), np.random.default_rng(0).choice(256,"
    " int((owner == view.keys[0]).sum()), replace=False)))",
    "factor": "max(run.history['weight_norm']) / run.history['weight_norm'][0]",
    "lowest": "min(forgetful.history['test_acc'])",
    "mean_random": "np.mean([embedding_circularity(x - x.mean(axis=0)) for x in"
    " np.random.default_rng(7).normal(size=(200, 59, 64))])",
    "above": "next(e for i, e in enumerate(history['epochs']) if all(c > n for c, n in"
    " zip(history['embedding_circularity'][i:], history['embedding_circularity_null'][i:])))",
    "sufficient": "[(c['value'], c['null']) for c in late['checks'] if c['name'] == 'sufficient'][0]",
}
"""An answer to each exercise, found by another way than its check where there is one."""
SECONDS = 1500
"""For one notebook: five minutes on two free cores, and these are shared."""


def exercises(notebook: Path) -> list[str]:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    tags = [cell["metadata"].get("tags", []) for cell in cells]
    return [tag[1] for tag in tags if tag[:1] == ["exercise"]]


def test_every_notebook_has_exercises_and_every_exercise_an_answer() -> None:
    found = [name for notebook in NOTEBOOKS for name in exercises(notebook)]
    assert len(NOTEBOOKS) == 6
    assert all(len(exercises(notebook)) >= 3 for notebook in NOTEBOOKS)
    assert sorted(found) == sorted(SOLUTIONS)


def test_notebooks_are_saved_without_outputs_and_link_to_each_other() -> None:
    for notebook in NOTEBOOKS:
        text = notebook.read_text(encoding="utf-8")
        cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
        for target in re.findall(r"\]\((\w+\.ipynb)\)", text):
            assert (notebook.parent / target).exists()


def with_answers(book: Any, answers: Callable[[str], str]) -> Any:
    """The notebook with every ``name = None`` of an exercise replaced."""
    for cell in book.cells:
        tags = cell.metadata.get("tags", [])
        if tags[:1] == ["exercise"]:
            cell.source = f"{tags[1]} = {answers(tags[1])}"
    return book


def verdicts(book: Any) -> list[str]:
    """What the checks said, in their order."""
    outputs = [out for cell in book.cells if cell.cell_type == "code" for out in cell.outputs]
    texts = [out["data"]["text/plain"] for out in outputs if out.output_type == "execute_result"]
    return [text for text in texts if text.startswith(("Right.", "Not yet.", "Not answered yet."))]


@pytest.mark.slow
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_knows_right_answers(
    notebook: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    shared = tmp_path_factory.getbasetemp() / "course_runs"
    monkeypatch.setenv("GROKKING_COURSE", os.environ.get("GROKKING_COURSE", str(shared)))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    book = with_answers(nbformat.read(notebook, 4), SOLUTIONS.__getitem__)
    there = {"metadata": {"path": str(tmp_path_factory.mktemp("empty"))}}
    nbclient.NotebookClient(book, timeout=SECONDS, kernel_name="python3", resources=there).execute()
    assert verdicts(book) == ["Right."] * len(exercises(notebook))


def test_a_check_tells_right_from_wrong_and_from_nothing() -> None:
    said = [check(answer, lambda x: x > 1, "More than one.").right for answer in (None, 2, 1, "two")]
    assert said == [None, True, False, False]


def test_runs_of_the_course_are_configs_and_are_trained_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_config: RunConfig
) -> None:
    assert all(RunConfig(**recipe).n_epochs <= 3000 for recipe in RECIPES.values())
    monkeypatch.setenv("GROKKING_COURSE", str(tmp_path))
    monkeypatch.setitem(RECIPES, "tiny", {**tiny_config.as_dict(), "n_epochs": 10})
    first = course_run("tiny")
    written = (first.directory.path / "history.json").stat().st_mtime_ns
    again = course_run("tiny")
    assert (again.directory.path / "history.json").stat().st_mtime_ns == written
    assert course_run("tiny", seed=3).name == "tiny_seed_3"
    with pytest.raises(UserError, match="no run 'nothing'; it has addition, multiplication"):
        course_run("nothing")

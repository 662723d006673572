"""The notebook runs from its first cell to its last, on a run with a split and on one without."""

import ast
import json
from pathlib import Path

import pytest
import torch

from grokking.interop.importing import Request, import_checkpoints
from grokking.runs.run import Run
from tests.interop.foreign import PerHead

pd = pytest.importorskip("pandas")
pytestmark = pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")


def executed(notebook: Path, run: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """All names that the code cells leave behind; the value of the last line is ``_``."""
    import matplotlib.pyplot as plt

    monkeypatch.setenv("GROKKING_RUN", str(run))
    monkeypatch.setenv("GROKKING_PROJECT", str(project))
    monkeypatch.setattr(
        "subprocess.run", lambda *a, **k: pytest.fail("the package is there, yet it is installed")
    )
    plt.switch_backend("Agg")
    names: dict[str, object] = {}
    for cell in json.loads(notebook.read_text())["cells"]:
        if cell["cell_type"] != "code":
            continue
        assert cell["outputs"] == [], "saved without outputs"
        tree = ast.parse("".join(cell["source"]))
        shown = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, cell["id"], "exec"), names)
        if shown is not None:
            names["_"] = eval(compile(shown, cell["id"], "eval"), names)
    plt.close("all")
    return names


@pytest.fixture
def imported_run(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(PerHead(11).state_dict(), tmp_path / "weights.pt")
    return import_checkpoints(Request(tmp_path / "weights.pt", tmp_path / "imported")).path


def test_the_notebook_runs(tiny_run: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = executed(root / "notebooks" / "explore.ipynb", tiny_run, root, monkeypatch)
    run, table = Run(tiny_run), names["_"]
    assert table.loc["test_acc"].iloc[0] == run.history["test_acc"][-1]
    assert table.loc["weight_norm"].iloc[1] < table.loc["weight_norm"].iloc[0]
    assert list(names["history"].index) == run.history["epochs"]
    assert names["silenced"].sum() >= 1


def test_the_notebook_runs_without_a_split(
    imported_run: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = executed(root / "notebooks" / "explore.ipynb", imported_run, root, monkeypatch)
    assert names["parts"] == ["all"]
    assert list(names["_"].index[:2]) == ["all_loss", "all_acc"]

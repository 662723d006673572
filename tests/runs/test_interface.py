"""``import grokking``: the documented examples run, and say what they should."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import grokking
from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.models.transformer import ModelShape
from grokking.models.transformer.network import OneLayerTransformer

pytest.importorskip("pandas")


@pytest.fixture
def quick(tiny_config: RunConfig, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small run where the documentation says that one lies."""
    place = tmp_path / "phase_transition" / "checkpoints"
    place.mkdir(parents=True)
    shutil.copytree(tiny_run, place / "quick")
    monkeypatch.chdir(tmp_path)
    return place / "quick"


def test_the_documented_examples_run(quick: Path, root: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (root / "docs" / "python.md").read_text(), re.DOTALL)
    assert len(blocks) >= 7
    names: dict[str, object] = {}
    values = []
    for block in blocks:
        *lines, last = block.rstrip().split("\n")
        exec("\n".join(lines), names)
        values.append(eval(last, names))
    about, table, answers, same, (accuracy, lighter), is_square, printed = values
    assert about == ("quick", 11, "add")
    assert list(table.columns) == ["train_acc", "test_acc", "fourier_strength"]
    assert list(table.index) == [40, 50, 60]
    assert len(answers) == 2
    assert same
    assert 0 <= accuracy <= 1
    assert lighter
    assert is_square
    assert printed


@pytest.mark.slow
def test_importing_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys, grokking; assert not {'torch', 'numpy', 'matplotlib'} & set(sys.modules); "
        "grokking.measure; "
        "assert 'torch' in sys.modules and 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_offered() -> None:
    assert sorted(grokking.__all__) == ["__version__", "load_run", "measure"]
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        _ = grokking.train


def test_measuring_by_the_name_of_the_task_and_without_a_split(tiny_run: Path) -> None:
    run = grokking.load_run(tiny_run)
    row = grokking.measure(run.model(60), "add")
    at = run.history["epochs"].index(60)
    assert row["fourier_strength"] == run.history["fourier_strength"][at]
    assert not {"train_acc", "test_acc"} & set(row)
    tokens = torch.from_numpy(run.task.tokens)
    with torch.no_grad():
        hits = run.model(60)(tokens).argmax(1).numpy() == run.task.answers
    assert row["all_acc"] == np.mean(hits)


def test_other_models_and_other_tasks_are_refused(tiny_run: Path) -> None:
    run = grokking.load_run(tiny_run)
    model = run.model(0)
    for wrong, task, word in [
        (nn.Linear(2, 2), "add", "takes a OneLayerTransformer"),
        (model, "nonsense", "unknown task"),
        (model, "add,mul", "1 operations"),
    ]:
        with pytest.raises(UserError, match=word):
            grokking.measure(wrong, task)
    shape = ModelShape(n_numbers=7, n_ops=1, d_model=4, n_heads=1, d_head=4, d_mlp=4, n_classes=7)
    small = OneLayerTransformer(
        shape, {name: torch.zeros(size) for name, size in shape.parameter_shapes().items()}
    )
    with pytest.raises(UserError, match="numbers below 7"):
        grokking.measure(small, run.task)


def test_the_columns_of_a_run_are_a_table(tiny_run: Path) -> None:
    run = grokking.load_run(tiny_run)
    columns = run.columns
    assert next(iter(columns)) == "epochs"
    assert columns["epochs"] == [0, 10, 20, 30, 40, 50, 60]
    assert set(run.history) - set(columns) == {"config", "grokking_epoch", "memorisation_epoch"}
    assert {len(values) for values in columns.values()} == {7}
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(columns).set_index("epochs")
    assert table.loc[30, "test_acc"] == run.history["test_acc"][3]
    assert table.loc[60, "key_frequencies"] == run.history["key_frequencies"][6]

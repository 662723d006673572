"""Three additions from outside the package, as docs/architecture.md shows them: each is one file."""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from grokking.optim import OPTIMISERS
from grokking.registry import PLUGINS
from grokking.runs.run import Run
from tests import preloaded

TINY = (
    "--d_model 16 --n_heads 2 --d_mlp 32 --train_frac 0.5 --n_epochs 40 --log_every 10 --checkpoint_every 20"
)
PATIENCE = 600
Grokking = Callable[..., "subprocess.CompletedProcess[str]"]


def shown(root: Path, language: str, word: str) -> str:
    """The block of docs/architecture.md in that language that has the word."""
    text = (root / "docs" / "architecture.md").read_text()
    [block] = [found for found in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL) if word in found]
    return str(block)


@pytest.fixture
def grokking(root: Path, tmp_path: Path) -> Grokking:
    """grokking("train …", plugins="a.py", path=folder) runs the command in ``tmp_path``, as a process."""

    def run(line: str, plugins: str = "", path: Path | None = None) -> "subprocess.CompletedProcess[str]":
        found = os.pathsep.join(map(str, filter(None, (root, path))))
        return preloaded.run(line.split(), tmp_path, PATIENCE, **{PLUGINS: plugins, "PYTHONPATH": found})

    return run


def trained(grokking: Grokking, folder: Path, line: str, plugins: str = "", path: Path | None = None) -> Run:
    """The run that a train command made in ``folder``/runs."""
    end = grokking(f"train {TINY} --output_dir runs {line}", plugins, path)
    assert end.returncode == 0, end.stderr
    return Run(folder / end.stdout.split()[-1])


@pytest.fixture
def sign(root: Path) -> Iterator[str]:
    """The source of the optimiser, which this process knows, too, for as long as a test lasts."""
    source = shown(root, "python", "SignDescent")
    exec(compile(source, "architecture.md", "exec"), {"__name__": "sign_of_the_document"})
    yield source
    OPTIMISERS.unregister("sign")


def installed(folder: Path, group: str, module: str, source: str) -> Path:
    """A distribution in ``folder``, with a module and an entry point that names it."""
    (folder / f"{module}.py").write_text(source)
    about = folder / f"{module}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{group}]\n{module} = {module}\n")
    return folder


SLOW_ENGINES = [pytest.param(engine, marks=pytest.mark.slow) for engine in ("reference", "batched")]


@pytest.mark.parametrize("engine", ["numba", *SLOW_ENGINES])
def test_an_optimiser_is_one_file(grokking: Grokking, sign: str, tmp_path: Path, engine: str) -> None:
    (tmp_path / "sign.py").write_text(sign)
    line = f"--p 11 --optimiser sign --lr 1e-3 --weight_decay 0 --engine {engine}"
    run = trained(grokking, tmp_path, f"{line} --run_name a", "sign.py")
    assert (run.config.optimiser, run.config.lr) == ("sign", 1e-3)
    moved = [(run.weights(20)[n] - run.weights(0)[n]).abs() for n in run.weights(0)]
    # Twenty steps of a thousandth each, forwards or backwards: even multiples, twenty thousandths at most.
    assert max(float(m.max()) for m in moved) <= 20e-3 + 1e-6
    steps = torch.cat([m.flatten() for m in moved]) / 2e-3
    assert float((steps - steps.round()).abs().max()) < 0.02
    trained(grokking, tmp_path, f"{line} --run_name b --n_epochs 20", "sign.py")
    resumed = trained(grokking, tmp_path, f"{line} --run_name b", "sign.py")
    assert resumed.history["train_loss"] == run.history["train_loss"]
    assert all(torch.equal(resumed.weights(40)[n], w) for n, w in run.weights(40).items())


def test_an_optimiser_of_an_installed_distribution(grokking: Grokking, sign: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    installed(site, "grokking.optimisers", "sign_descent", sign)
    line = "--p 11 --optimiser sign --lr 1e-3 --weight_decay 0"
    assert trained(grokking, tmp_path, line, path=site).config.optimiser == "sign"
    helped = grokking("train --help", path=site).stdout
    assert "egalitarian, sign" in " ".join(helped.split())
    missing = grokking(f"train {TINY} {line} --run_name other")
    assert missing.returncode == 2
    assert "unknown optimiser 'sign'; known: adamw" in missing.stderr


def test_a_group_is_a_table(grokking: Grokking, root: Path, tmp_path: Path) -> None:
    (tmp_path / "s3.json").write_text(shown(root, "json", "[0, 1, 2, 3, 4, 5]"))
    table = np.array(json.loads((tmp_path / "s3.json").read_text()))
    run = trained(grokking, tmp_path, "--task table --group_table s3.json")
    (tmp_path / "s3.json").unlink()  # the run stands alone
    again = Run(run.directory.path)
    a, b = again.task.operands.T
    assert again.task.answers.tolist() == table[a, b].tolist()
    assert len(again.task.tokens) == 36
    compared = grokking(f"compare {run.directory.path} --output c.png")
    assert compared.returncode == 0, compared.stderr
    longer = grokking(
        f"train {TINY} --output_dir runs --config {run.directory.path}/config.json --n_epochs 60"
    )
    assert longer.returncode == 0, longer.stderr


def test_a_metric_is_one_file(grokking: Grokking, root: Path, tmp_path: Path) -> None:
    (tmp_path / "small.py").write_text(shown(root, "python", "small_weights"))
    before = trained(grokking, tmp_path, "--p 11 --n_epochs 20")
    assert "small_weights" not in before.history
    run = trained(grokking, tmp_path, "--p 11", "small.py")
    values = run.history["small_weights"]
    assert values[:3] == [None, None, None]  # of rows that were written before the metric existed
    weights = run.weights(40).values()
    share = sum(int((w.abs() < 1e-3).sum()) for w in weights) / sum(w.numel() for w in weights)
    assert values[-1] == share > 0
    table = grokking(f"compare {run.directory.path} --output c.png", "small.py").stdout
    assert f"small_weights  {share:.4g}" in re.sub(r" {2,}", "  ", table)

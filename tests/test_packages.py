"""What is imported is declared; and numba, which is not required, is not needed."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from grokking.runs.run import Run
from tests.conftest import ROOT

PACKAGE = {
    "PIL": "pillow",
    "ffmpeg": "ffmpeg-python",
    "imageio_ffmpeg": "imageio-ffmpeg",
    "mpl_toolkits": "matplotlib",
    "transformer_lens": "transformer-lens",
    "llvmlite": "numba",
}
"""Import names that are not their package's; llvmlite is a part of numba that comes with it."""
HIDDEN = """
import sys
sys.modules["numba"] = sys.modules["llvmlite"] = None
from grokking.cli.main import main
for line in sys.stdin.read().splitlines():
    main(line.split("\t"))
"""
"""Runs the commands that it reads, a line each, their words apart by tabs."""


def imported(path: Path) -> set[str]:
    """Names of the packages that a module imports, anywhere in it."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.split(".")[0] for name in names}


def name_of(requirement: str) -> str:
    return requirement.split("#")[0].split(">")[0].split("=")[0].strip()


def pins() -> set[str]:
    return {name_of(line) for line in (ROOT / "requirements.txt").read_text().splitlines()} - {""}


def test_every_package_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = {name_of(text) for text in project["dependencies"]}
    optional = {name_of(text) for extra in project["optional-dependencies"].values() for text in extra}
    modules = [*ROOT.glob("*.py"), *(ROOT / "grokking").rglob("*.py")]
    names = {name for path in modules for name in imported(path)} - sys.stdlib_module_names - {"grokking"}
    found = {PACKAGE.get(name, name) for name in names}
    assert found - required - optional == set()
    assert "pillow" in found & required
    assert pins() == required | {"numba"}


@pytest.mark.slow
def test_everything_works_without_numba(tmp_path: Path, tiny_run: Path, tiny_flags: list[str]) -> None:
    run = tmp_path / "tiny"
    commands = [
        ["train", *tiny_flags, "--run_name", "tiny", "--output_dir", tmp_path],
        ["measure", run],
        ["page", run, "--output_dir", tmp_path / "site"],
        ["frames", "sine", run, "--output_dir", tmp_path / "frames", "--n_frames", 2],
    ]
    done = subprocess.run(
        [sys.executable, "-c", HIDDEN],
        input="".join("\t".join(map(str, command)) + "\n" for command in commands),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    made = [run, run / "progress.json", tmp_path / "site" / "index.html", tmp_path / "frames"]
    assert done.stdout.splitlines() == list(map(str, made))
    whole, without = Run(tiny_run), Run(run)
    assert without.directory.record()["execution"]["engine"] == "batched"
    assert without.history["epochs"] == whole.history["epochs"]
    for name in ("train_loss", "test_loss", "gini", "weight_norm"):
        assert without.history[name] == pytest.approx(whole.history[name], rel=1e-3)
    assert len(list((tmp_path / "frames").glob("frame_*.png"))) == 2

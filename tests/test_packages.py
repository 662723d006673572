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
main(sys.argv[1:])
"""


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


def test_everything_works_without_numba(tmp_path: Path, tiny_run: Path, tiny_flags: list[str]) -> None:
    def hidden(*arguments: object) -> str:
        done = subprocess.run(
            [sys.executable, "-c", HIDDEN, *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]

    run = Path(hidden("train", *tiny_flags, "--run_name", "tiny", "--output_dir", tmp_path))
    whole, without = Run(tiny_run), Run(run)
    assert without.directory.record()["execution"]["engine"] == "batched"
    assert without.history["epochs"] == whole.history["epochs"]
    for name in ("train_loss", "test_loss", "gini", "weight_norm"):
        assert without.history[name] == pytest.approx(whole.history[name], rel=1e-3)
    assert Path(hidden("measure", run)).name == "progress.json"
    assert Path(hidden("page", run, "--output_dir", tmp_path / "site")).name == "index.html"
    frames = hidden("frames", "sine", run, "--output_dir", tmp_path / "frames", "--n_frames", 2)
    assert len(list(Path(frames).glob("frame_*.png"))) == 2

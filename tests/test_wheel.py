"""What ``pip install .`` installs: all of the package, and a command that works in an empty folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests import preloaded
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
BUILT_FROM = ("grokking", "pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a copy of the tree, so that building leaves nothing in it; made without a network."""
    folder = tmp_path_factory.mktemp("built")
    for name in BUILT_FROM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "--wheel-dir", folder / "wheels", folder], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = (folder / "wheels").glob("*.whl")
    return found


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution of a copy of the tree, made without a network."""
    folder = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    make = "from setuptools.build_meta import build_sdist; print(build_sdist('dist'))"
    done = subprocess.run([sys.executable, "-c", make], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (found,) = (folder / "dist").glob("*.tar.gz")
    return found


PYTHONS = [f"python3.{minor}" for minor in range(11, 15)]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_both_are_installed_by_every_python_there_is(
    kind: str, python: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Without what they depend on: the package, its version and the texts of its commands need none of it."""
    found = sys.executable if python == f"python3.{sys.version_info.minor}" else shutil.which(python)
    # A shim may stand for a version that is not there.
    if found is None or subprocess.run([found, "--version"], capture_output=True).returncode:
        pytest.skip(f"there is no {python} here")
    if kind == "sdist" and found != sys.executable:
        pytest.skip("building from source needs setuptools, which is certain in this environment only")
    package: Path = request.getfixturevalue(kind)
    offline = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(tmp_path)]
    done = subprocess.run([found, "-m", "pip", "install", *offline, package], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = subprocess.run(
        [found, "-c", "import grokking; print(grokking.__version__, grokking.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    version, where = said.stdout.split()
    assert version in package.name
    assert Path(where).parent == tmp_path / "grokking"
    assert (tmp_path / "grokking" / "films" / "story.toml").exists()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder where Python finds what the wheel holds."""
    folder = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    files = {path.relative_to(ROOT) for path in (ROOT / "grokking").rglob("*") if path.is_file()}
    ours = {path.as_posix() for path in files if "__pycache__" not in path.parts}
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in held if ".dist-info/" not in name} == ours
    assert {"grokking/py.typed", "grokking/drawing/palette.json", "grokking/page/assets/page.html"} <= ours


def test_the_wheel_brings_the_command(installed: Path) -> None:
    (points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "grokking = grokking.cli.entry:main" in points.read_text()
    (about,) = installed.glob("*.dist-info/METADATA")
    assert "Requires-Dist: torch" in about.read_text()


def test_the_command_works_in_an_empty_folder(installed: Path, tiny_flags: list[str], tmp_path: Path) -> None:
    """It finds its own files there, and nothing of the source tree."""

    def grokking(*arguments: object) -> str:
        done = preloaded.run(list(map(str, arguments)), tmp_path, PYTHONPATH=str(installed))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert grokking("--help").startswith("usage: grokking")
    run = grokking("train", *tiny_flags, "--no_measures")
    assert run == str(Path("phase_transition/checkpoints/default"))
    frames = grokking("frames", "circle", run, "--n_frames", 1, "--jobs", 1)
    assert (tmp_path / frames / "frame_00000.png").exists()
    assert (tmp_path / grokking("figures", run, "--only", "margins", "--jobs", 1)).name == "index.html"
    assert (tmp_path / grokking("page", run)).exists()
    where = "import grokking; print(grokking.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == str(installed / "grokking" / "__init__.py")

"""Compiled kernels are kept by what their sources say."""

import shutil
from pathlib import Path

import pytest

from grokking.engines.numba.compile_cache import PACKAGE, ByContent, folder_of, user_cache
from grokking.engines.numba.kernels import cross_entropy

KERNELS = PACKAGE / "engines" / "numba"


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The kernels in a folder elsewhere."""
    return Path(shutil.copytree(KERNELS, tmp_path / "copied", ignore=shutil.ignore_patterns("__pycache__")))


def test_a_copy_shares_its_place_until_a_source_changes(copied: Path, tmp_path: Path) -> None:
    original = folder_of(KERNELS / "kernels.py", KERNELS, tmp_path)
    assert folder_of(copied / "kernels.py", copied, tmp_path) == original
    other = shutil.copytree(copied, tmp_path / "other")
    with (other / "layout.py").open("a") as file:
        file.write("# one more line\n")
    assert folder_of(other / "kernels.py", other, tmp_path) != original


def test_functions_of_ours_have_a_place_and_others_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = ByContent.from_function(cross_entropy.py_func, str(KERNELS / "kernels.py"))
    assert found is not None
    assert Path(found.get_cache_path()).is_relative_to(user_cache() / "grokking")
    assert ByContent.from_function(copied, __file__) is None


def test_a_place_that_cannot_be_written_to_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a_file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a_file"))
    assert ByContent.from_function(cross_entropy.py_func, str(KERNELS / "kernels.py")) is None


@pytest.mark.parametrize("given, found", [("/elsewhere", Path("/elsewhere")), ("", Path.home() / ".cache")])
def test_the_user_s_cache(given: str, found: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert user_cache({"XDG_CACHE_HOME": given}) == found

"""Where compiled kernels are kept: in the user's cache folder, named by the content of the sources.

So a second clone, a new installation and every process of a test compile nothing that was compiled before.
"""

import hashlib
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import UserProvidedCacheLocator

PACKAGE = Path(__file__).resolve().parents[2]
CONSTANTS = PACKAGE / "optim" / "adamw.py"
"""Has numbers that are compiled into the kernels."""


def user_cache(environment: "os._Environ[str] | dict[str, str]" = os.environ) -> Path:
    """The folder for what programs can make anew, as each system has it."""
    if sys.platform == "win32":
        return Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")


@cache
def digest_of(*sources: Path) -> str:
    """The first letters of the sha256 of files, and of all modules in folders."""
    content = hashlib.sha256()
    for source in sources:
        for path in sorted(source.glob("*.py")) if source.is_dir() else [source]:
            content.update(path.read_bytes())
    return content.hexdigest()[:12]


def folder_of(source: Path, kernels: Path, within: Path) -> Path:
    """The folder in ``within`` for the functions of a module, which may call any kernel of a folder."""
    return within / f"numba-{numba.__version__}-{digest_of(kernels, CONSTANTS)}-{digest_of(source)}"


class ByContent(UserProvidedCacheLocator):  # type: ignore[misc]
    """For numba: where the results of a function of this package are kept.

    numba goes on to the next place where this one cannot be written to.
    """

    def __init__(self, py_func: Callable[..., Any], py_file: str) -> None:
        super().__init__(py_func, py_file)
        self._cache_path = str(folder_of(Path(py_file), Path(__file__).parent, user_cache() / "grokking"))

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> "ByContent | None":
        """The locator of a function of this package; None for others, and without a place to write to."""
        if not Path(py_file).resolve().is_relative_to(PACKAGE):
            return None
        found = cls(py_func, py_file)
        try:
            found.ensure_cache_path()
        except (OSError, RuntimeError):  # read-only, or no home at all
            return None
        return found

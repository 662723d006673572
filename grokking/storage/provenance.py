"""What a result must say about the machine and the code that made it."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

PLACE = "--output_dir"
PACKAGES = ("torch", "numpy", "numba", "safetensors", "matplotlib", "scipy")


def command_line() -> list[str]:
    """The command as it was typed, for config.json and reports."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        return ["python", "-m", "grokking", *sys.argv[1:]]
    if program.suffix == ".py":
        return ["python", program.name, *sys.argv[1:]]
    return [program.name, *sys.argv[1:]]


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that touch numbers; absent ones are left out."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Processor, number of cores and system."""
    return {"processor": _processor(), "cores": os.cpu_count(), "system": platform.system()}


def origin(record: Mapping[str, Any]) -> dict[str, str]:
    """Command, machine, versions and commit in words, from what a run directory says about itself."""
    machine, execution = record.get("machine") or {}, record.get("execution") or {}
    threads = execution.get("threads", "?")
    return {
        "command": f"`{command_text(record.get('command')) or 'not recorded'}`",
        "machine": f"{machine.get('processor', 'unknown processor')}, {machine.get('cores', '?')} cores, "
        f"engine {execution.get('engine', '?')}, {threads} thread{'' if threads == 1 else 's'}",
        "versions": ", ".join(f"{name} {v}" for name, v in (record.get("versions") or {}).items()),
        "commit": str(record.get("git_commit") or "not recorded"),
    }


def command_text(words: Sequence[object] | None) -> str:
    """A recorded command as a shell takes it, "" if there is none.

    --output_dir is left out, and other absolute paths are cut to their last name: the place of a run changes
    none of its numbers, and a page or a report that is passed on should not contain local paths.
    """
    kept = [text for word in words or [] if not (text := str(word)).startswith(f"{PLACE}=")]
    while PLACE in kept:
        at = kept.index(PLACE)
        del kept[at : at + 2]
    return shlex.join(Path(text).name if Path(text).is_absolute() else text for text in kept)


@lru_cache
def git_commit() -> str | None:
    """The commit of this checkout, with "+" if files differ from it; None outside git.

    As it was when first asked, like the code that is running.
    """
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        commit = _git(root, "rev-parse", "--short=12", "HEAD")
        return commit + ("+" if _git(root, "status", "--porcelain") else "")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(root: Path, *args: str) -> str:
    return subprocess.run(
        ["git", "-C", str(root), *args], capture_output=True, text=True, check=True, timeout=10
    ).stdout.strip()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()

"""What holds for the tests themselves: what they may reach for, and what the fast ones cover."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PATCHES = ("setattr", "delattr", "setitem", "patch", "object")
"""Names of the functions that put something else in the place of a name."""


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def is_private(name: str) -> bool:
    last = name.rpartition(".")[2]
    return last.startswith("_") and not last.startswith("__")


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of what a file imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def patched(tree: ast.AST) -> Iterator[str]:
    """Names that are replaced: by ``monkeypatch.setattr`` and its like, or by giving an attribute a value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in PATCHES:
            texts = (a.value for a in node.args if isinstance(a, ast.Constant))
            yield from (text for text in texts if isinstance(text, str))
        if isinstance(node, ast.Assign):
            yield from (
                part.attr
                for target in node.targets
                for part in ast.walk(target)
                if isinstance(part, ast.Attribute) and ast.unparse(part.value) != "self"
            )


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_import_no_benchmark_and_replace_no_private_name(path: Path) -> None:
    tree = parsed(path)
    assert [name for name in imported(tree) if name.startswith("benchmarks")] == []
    assert [name for name in patched(tree) if is_private(name)] == []


def test_a_private_name_that_is_replaced_is_seen() -> None:
    text = (
        'monkeypatch.setattr(loop, "_run", f)\nmock.patch("a.b._c")\nloop._run, x.y = 1, 2\n'
        'self._mine = 3\nmonkeypatch.setattr(a, "__doc__", "")'
    )
    assert sorted(filter(is_private, patched(ast.parse(text)))) == ["_run", "_run", "a.b._c"]


def fast_tests(path: Path) -> list[str]:
    """Tests of a file that are not marked ``slow``."""
    text = path.read_text()
    if re.search(r"^pytestmark = .*\bslow\b", text, re.MULTILINE):
        return []
    return [
        node.name
        for node in parsed(path).body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not any(ast.unparse(mark) == "pytest.mark.slow" for mark in node.decorator_list)
    ]


def test_the_fast_tests_leave_no_package_out() -> None:
    used = {name for path in TESTS if fast_tests(path) for name in imported(parsed(path))}
    packages = {f"grokking.{path.parent.name}" for path in (ROOT / "grokking").glob("*/*.py")}
    assert len(packages) > 5
    assert [package for package in packages if not any(name.startswith(f"{package}.") for name in used)] == []
    folders = {path.parent for path in TESTS if path.name.startswith("test_")}
    assert [folder for folder in folders if not any(map(fast_tests, folder.glob("test_*.py")))] == []

"""Imports run one way: the layers of ``design.md``, checked against what the files import."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LAYERS = [
    {
        "training",
        "sweep",
        "render",
        "page",
        "audit",
        "maths",
        "interop",
        "atlas",
        "progress",
        "compare",
        "reading",
        "arguments",
        "provenance",
        "probing",
        "interface",
        "bars",
    },
    {"metrics"},
    {"lookup"},
    {"tasks", "model", "fourier", "group", "initial", "kinematics", "problem"},
    {
        "activations",
        "config",
        "options",
        "runs",
        "records",
        "checkpoint",
        "folder",
        "staging",
        "manifest",
        "locking",
        "files",
        "errors",
        "cli",
    },
]
"""From the top down; scripts stand above all. A part may import its own layer and those below."""
NOT_FOR_METRICS = {
    "matplotlib",
    "PIL",
    "ffmpeg",
    "safetensors",
    "pathlib",
    "shutil",
    "tempfile",
    "grokking.storage.atomic_io",
    "grokking.storage.run_directory",
    "grokking.storage.checksummed_dir",
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted((ROOT / "grokking").rglob("*.py"))}
SCRIPTS = {path.stem for path in ROOT.glob("*.py")}


@lru_cache
def parsed(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text())


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def statements(node: ast.AST, at_run_time: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements below a node, with ``at_run_time`` only those that a program executes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not (at_run_time and is_type_checking(child)):
            yield from statements(child, at_run_time)


@lru_cache
def imports(module: str, at_run_time: bool = False) -> set[str]:
    """Full names of the modules that a module imports."""
    found = set()
    for node in statements(parsed(module), at_run_time):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            assert node.level == 0, f"{module} has a relative import"
            assert node.module is not None
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            # "from grokking.metrics import row" imports a module, not a name.
            found |= (below & FILES.keys()) or {node.module}
    return found


def layer(module: str) -> int:
    part = module.split(".")[1]
    for i, parts in enumerate(LAYERS):
        if part in parts:
            return i
    pytest.fail(f"grokking.{part} has no place in LAYERS of {__file__}")


def ours(names: set[str]) -> set[str]:
    return {name for name in names if name.startswith("grokking.")}


def reachable(module: str) -> set[str]:
    """Everything that is imported when ``module`` is, names of other packages included."""
    seen, todo = set(), [module]
    while todo:
        for name in imports(todo.pop(), at_run_time=True) - seen:
            seen.add(name)
            if name in FILES:
                todo.append(name)
    return seen


@pytest.mark.parametrize("module", [name for name in FILES if name != "grokking"])
def test_no_import_goes_up(module: str) -> None:
    upward = {name for name in ours(imports(module)) if layer(name) < layer(module)}
    assert not upward, f"{module} imports {', '.join(sorted(upward))} from a layer above"


def test_the_library_does_not_import_scripts() -> None:
    for module in FILES:
        assert not {name.split(".")[0] for name in imports(module)} & SCRIPTS, module


def test_no_module_needs_itself() -> None:
    for module in FILES:
        assert module not in reachable(module), f"{module} is part of an import cycle"


@pytest.mark.parametrize("module", [name for name in FILES if name.startswith("grokking.metrics")])
def test_metrics_touch_no_files_and_no_figures(module: str) -> None:
    wanted = {m for m in reachable(module) if m.startswith("grokking.")} & NOT_FOR_METRICS
    wanted |= {
        name
        for name in imports(module)
        for forbidden in NOT_FOR_METRICS
        if (name + ".").startswith(forbidden + ".")
    }
    assert not wanted


def test_the_parser_sees_what_is_there() -> None:
    """Known edges, so that the tests above cannot pass by seeing nothing."""
    assert "grokking.errors" in imports("grokking.config")
    assert "grokking.metrics.embedding" in imports("grokking.metrics.history_row")
    assert "grokking.engines.numba.engine" in imports("grokking.engines.choose")  # inside a function
    assert "grokking.groups.fourier" in reachable("grokking.metrics.history_row")
    assert {"train_with_metrics", "make_video"} <= SCRIPTS
    guarded = ast.parse("import a\nif TYPE_CHECKING:\n    import b\n")
    assert [len(list(statements(guarded, at_run_time))) for at_run_time in (False, True)] == [2, 1]

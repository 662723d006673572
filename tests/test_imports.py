"""Imports run one way, between packages and between modules; read from the files themselves."""

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOT_FOR_METRICS = {
    "matplotlib",
    "PIL",
    "ffmpeg",
    "safetensors",
    "pathlib",
    "shutil",
    "tempfile",
    "threading",
    "grokking.storage",
    "grokking.drawing",
}
WITHOUT_TORCH = (
    *("cli", "config", "config_fields", "registry", "errors"),
    *("tasks", "models", "optim", "gradient_filters", "losses"),
)
"""Packages that help texts read; what they import when they are imported must not load PyTorch."""


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


def statements(node: ast.AST, at_import: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Import statements below a node; with ``at_import`` only those that importing the module executes."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not (at_import and (is_type_checking(child) or isinstance(child, ast.FunctionDef))):
            yield from statements(child, at_import)


@lru_cache
def imports(module: str, at_import: bool = False) -> set[str]:
    """Full names of the modules that a module imports."""
    found = set()
    for node in statements(parsed(module), at_import):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            assert node.level == 0, f"{module} has a relative import"
            assert node.module is not None
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            # "from grokking.metrics import history_row" imports a module, not a name.
            found |= (below & FILES.keys()) or {node.module}
    return found


def package(module: str) -> str:
    """The room of a module: ``metrics`` for grokking.metrics.embedding, ``config`` for grokking.config."""
    return module.split(".")[1]


@lru_cache
def rooms() -> dict[str, frozenset[str]]:
    """Which rooms each room imports, wherever the statement stands."""
    found: dict[str, set[str]] = {}
    for module in FILES:
        if "." in module:
            ours = {name for name in imports(module) if name.startswith("grokking.")}
            found.setdefault(package(module), set()).update(map(package, ours))
    return {room: frozenset(others - {room}) for room, others in found.items()}


def way_back(room: str) -> list[str]:
    """A chain of imports from a room to itself, empty if there is none."""
    todo = [[room, other] for other in sorted(rooms()[room])]
    seen = set()
    while todo:
        chain = todo.pop()
        if chain[-1] == room:
            return chain
        if chain[-1] not in seen:
            seen.add(chain[-1])
            todo += [[*chain, other] for other in sorted(rooms().get(chain[-1], ()))]
    return []


def reachable(module: str) -> set[str]:
    """Everything that is imported when ``module`` is, names of other distributions included."""
    seen: set[str] = set()
    todo = [module]
    while todo:
        for name in imports(todo.pop(), at_import=True) - seen:
            seen.add(name)
            if name in FILES:
                todo.append(name)
    return seen


@pytest.mark.parametrize("room", sorted(rooms()))
def test_no_room_needs_itself_through_others(room: str) -> None:
    assert not way_back(room), " → ".join(way_back(room))


def test_the_library_does_not_import_scripts_and_nothing_imports_the_command_line() -> None:
    for module in FILES:
        assert not {name.split(".")[0] for name in imports(module)} & SCRIPTS, module
    assert [room for room, others in rooms().items() if "cli" in others] == ["__main__"]


def test_no_module_needs_itself() -> None:
    for module in FILES:
        assert module not in reachable(module), f"{module} is part of an import cycle"


@pytest.mark.parametrize("module", [name for name in FILES if name.startswith("grokking.metrics")])
def test_metrics_touch_no_files_and_no_figures(module: str) -> None:
    wanted = {
        name
        for name in imports(module)
        for forbidden in NOT_FOR_METRICS
        if (name + ".").startswith(forbidden + ".")
    }
    assert not wanted


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_what_help_texts_read_does_not_load_pytorch(room: str) -> None:
    modules = [m for m in FILES if m in (f"grokking.{room}",) or m.startswith(f"grokking.{room}.")]
    read = [m for m in modules if m.count(".") <= (3 if room == "cli" else 2)]
    for module in read:
        heavy = {name.split(".")[0] for name in reachable(module)} & {"torch", "matplotlib", "numba", "scipy"}
        assert not heavy, f"{module} loads {heavy}"


def test_the_parser_sees_what_is_there() -> None:
    """Known edges, so that the tests above cannot pass by seeing nothing."""
    assert "grokking.errors" in imports("grokking.config")
    assert "grokking.metrics.registry" in imports("grokking.metrics.history_row")
    assert "grokking.engines.numba.engine" in imports("grokking.engines.choose")  # inside a function
    assert "grokking.groups.basis" in reachable("grokking.metrics.embedding")
    assert {"metrics", "engines"} <= rooms()["training"]
    guarded = ast.parse("import a\nif TYPE_CHECKING:\n    import b\ndef f():\n    import c\n")
    assert [len(list(statements(guarded, at_import))) for at_import in (False, True)] == [3, 1]

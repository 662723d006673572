"""docs/definitions.md against the code: every reported number is defined, every name that it cites exists."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from grokking.audit.checkpoint import audit_and_write, audit_checkpoint
from grokking.audit.over_training import series_and_write
from grokking.config import RunConfig
from grokking.metrics.registry import METRICS
from grokking.runs.progress_measures import measure_run
from grokking.storage.atomic_io import read_json
from grokking.sweep.measured import leads_markdown, phases_csv, phases_markdown
from grokking.sweep.tables import CELL_HEADER, cells_csv
from tests.audit.handbuilt import handbuilt_config, handbuilt_weights, write_run
from tests.conftest import TINY

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs/definitions.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^##+ (.+)$", TEXT, re.MULTILINE)
PLACEHOLDERS = {
    "<operation>": "(add|mul)",
    "<operations>": r"(none|(add|mul)(\+(add|mul))*)",
    "<parameter>": r"[Wb]_\w+",
    "<time>": "(grokking|memorisation|delay)",
    "<measure>": r"\w+",
}
FIELDS = ("run", "operation", "n", "seeds", "budget")
"""Columns of tables that say which runs a row is about."""
KINEMATICS = {
    "task": "kinematics",
    "n_angles": 12,
    "n_speeds": 11,
    "n_distances": 10,
    "heldout_angles": 2,
    "heldout_speeds": 2,
    "n_bins": 16,
    **{name: value for name, value in TINY.items() if name != "p"},
}
CITED = r"`(grokking/[\w/]+\.py): (\w+)`"
TESTS = r"`(tests/[\w/]+\.py)(?:::(\w+))?`"


def pattern(name: str) -> re.Pattern[str]:
    """What a name with placeholders stands for."""
    parts = re.split(r"(<\w+>)", name)
    return re.compile("".join(PLACEHOLDERS.get(part, re.escape(part)) for part in parts))


def defined(name: str) -> bool:
    """Whether a heading of the document has the name, or the name without an operation's suffix."""
    bare = re.sub(r"_(add|mul)$", "", name)
    patterns = [pattern(text) for heading in HEADINGS for text in re.findall(r"`([^`]+)`", heading)]
    return any(found.fullmatch(text) for found in patterns for text in (name, bare))


def undefined(names: Any) -> list[str]:
    return [name for name in names if not defined(name)]


def unnamed(names: Any) -> list[str]:
    """Those that the document writes neither as code nor, as it does with headers of tables, in quotes."""
    text = re.sub(r"\s+", " ", TEXT)
    return [name for name in names if f"`{name}`" not in text and f'"{name}"' not in text]


@cache
def names_in(path: Path) -> frozenset[str]:
    """Functions, classes, methods and constants that a module defines."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return frozenset(found)


def docstrings() -> Iterator[tuple[str, str]]:
    """Every module's text with its path."""
    for path in sorted((ROOT / "grokking").rglob("*.py")):
        yield str(path.relative_to(ROOT)), re.sub(r"\s+", " ", path.read_text(encoding="utf-8"))


def audited(record: dict[str, Any]) -> set[str]:
    """Every key of an audit, its checks and their evidence, and the names of the checks."""
    operations = record["operations"].values()
    checks = [check for operation in operations for check in operation["checks"]]
    assert len(checks) >= 8
    inside = {key for check in checks for key in (*check, check["name"], *check["evidence"])}
    return {*record, *(key for operation in operations for key in operation), *inside}


@pytest.fixture(scope="module", params=["add", "mul", "add,mul"])
def run(request: pytest.FixtureRequest, tmp_path_factory: Any, train_run: Callable) -> Path:
    config = RunConfig(**{**TINY, "task": request.param, "n_epochs": 20, "checkpoint_every": 20})
    return train_run(config, tmp_path_factory.mktemp("runs") / "tiny", threads=1)


def test_every_registered_column_has_its_heading() -> None:
    columns = [column for metric in METRICS for column in metric.columns]
    names = [name + "W_E" if name.endswith("_") else name for name in columns]
    assert len(names) > 20
    assert undefined(names) == []


def test_every_list_of_a_run_and_its_measures_has_its_heading(run: Path) -> None:
    history, progress = read_json(run / "history.json"), read_json(measure_run(run))
    assert undefined({*history, *progress} - {"config", "epochs"}) == []
    assert unnamed(["config", "epochs"]) == []


def test_everything_in_an_audit_is_named(run: Path) -> None:
    record = read_json(audit_and_write(run))
    assert undefined(record["behaviour"]) == []
    assert unnamed(audited(record)) == []


def test_everything_in_an_audit_of_a_circuit_is_named(tmp_path: Path) -> None:
    config = handbuilt_config()
    record = audit_checkpoint(write_run(tmp_path / "run", config, handbuilt_weights(config)), 0)
    assert "only keys" in audited(record)
    assert unnamed(audited(record)) == []


@pytest.mark.slow
def test_every_list_of_an_audit_over_training_has_its_heading(run: Path) -> None:
    record = read_json(series_and_write(run, thorough=True))
    assert undefined(set(record) - {"config", "epochs", "final_key_frequencies"}) == []
    assert unnamed(["final_key_frequencies"]) == []


def test_everything_of_a_kinematics_run_is_named(tmp_path: Path, train_run: Callable) -> None:
    path = train_run(RunConfig(**{**KINEMATICS, "n_epochs": 10}), tmp_path / "run", threads=1)
    assert undefined(set(read_json(path / "history.json")) - {"config", "epochs"}) == []
    record = read_json(measure_run(path))
    assert undefined(["parts", "probes", "probes_untrained"]) == []
    assert unnamed(record) == []
    answers = [answer for part in record["parts"].values() for answer in part]
    probed = [name for targets in record["probes"].values() for found in targets.values() for name in found]
    assert unnamed({*record["parts"], *answers, *record["probes"], *probed, "acc", "within_one", "mae"}) == []


def test_columns_of_reports_are_named() -> None:
    assert undefined(set(cells_csv([], []).strip().split(",")) - {*FIELDS, "not_over"}) == []
    assert undefined(set(phases_csv([]).strip().split(",")) - set(FIELDS)) == []
    tables = (phases_markdown([]), leads_markdown([]))
    headers = [cell.strip() for table in tables for cell in table.splitlines()[0].strip("|").split("|")]
    shown = {*headers, *CELL_HEADER} - {*FIELDS, "measure", "grokking epoch", "memorisation epoch"}
    assert unnamed({*shown, "not_over"}) == []


def test_a_name_that_is_defined_nowhere_is_found() -> None:
    assert undefined(["gini_sub", "made_up", "norm_", "neurons_serving_add+mul", "gini_mul"]) == [
        "gini_sub",
        "made_up",
        "norm_",
    ]
    assert unnamed(["made up", "later or never", "gini"]) == ["made up"]


@pytest.mark.parametrize("module, name", sorted(set(re.findall(CITED, TEXT))))
def test_functions_that_the_document_cites_exist(module: str, name: str) -> None:
    assert name in names_in(ROOT / module)


@pytest.mark.parametrize("file, name", sorted(set(re.findall(TESTS, TEXT))))
def test_tests_that_the_document_cites_exist(file: str, name: str) -> None:
    assert (ROOT / file).is_file()
    assert not name or name in names_in(ROOT / file)


def test_every_module_of_metrics_that_computes_a_number_is_cited() -> None:
    cited = {module for module, _ in re.findall(CITED, TEXT)}
    helpers = {"__init__", "activations", "history_row", "reductions", "registry"}
    modules = [path for path in (ROOT / "grokking/metrics").glob("*.py") if path.stem not in helpers]
    assert [path.name for path in modules if str(path.relative_to(ROOT)) not in cited] == []


def test_every_entry_cites_a_function_and_a_test() -> None:
    entries = re.split(r"^##+ ", TEXT, flags=re.MULTILINE)[1:]
    numbers = [entry for entry in entries if entry.startswith("`")]
    assert len(numbers) > 30
    whole = "Function and test: as above"
    cited = [bool(re.search(CITED, entry) and re.search(TESTS, entry)) for entry in numbers]
    lacking = [e for e, c in zip(numbers, cited, strict=True) if not c and whole not in " ".join(e.split())]
    assert [entry.splitlines()[0] for entry in lacking] == []


def test_sections_that_docstrings_cite_exist() -> None:
    plain = {heading.replace("`", "") for heading in HEADINGS}
    names = {name for heading in HEADINGS for name in re.findall(r"`([^`]+)`", heading)}
    name = r"(?:\"[^\"]+\"|``[^`]+``)"
    cited = re.compile(rf"[dD]efinitions(?:\.md)?,? ({name}(?:(?:,| and) {name})*)")
    found = [(path, text) for path, source in docstrings() for text in cited.findall(source)]
    assert len(found) > 8
    wrong = [
        (path, quoted or code)
        for path, text in found
        for quoted, code in re.findall(r"\"([^\"]+)\"|``([^`]+)``", text)
        if (quoted or code) not in (plain if quoted else names)
    ]
    assert wrong == []

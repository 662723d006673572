"""Links of all documents lead somewhere, worked examples are true, and the site can be built."""

import doctest
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from tests.conftest import ROOT

DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "docs" / "howto").glob("*.md"),
    *(ROOT / "results").glob("*.md"),
    *(ROOT / "notebooks").glob("*.ipynb"),
]
LINK = re.compile(r"\]\(([^)\s]+)\)")
EXAMPLES = sorted(path for path in (ROOT / "grokking").rglob("*.py") if ">>> " in path.read_text("utf-8"))
SITE = """
import sys
for name in ("sphinx", "furo", "myst_nb", "sphinx_copybutton"):
    __import__(name)
"""


def text_of(path: Path) -> str:
    """A document's Markdown, without its blocks of code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchor(heading: str) -> str:
    """The name by which a heading is linked to, as GitHub and MyST make it."""
    plain = re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def links(path: Path) -> Iterator[tuple[str, str]]:
    """Targets inside the project: file (empty for the document itself) and anchor."""
    for target in LINK.findall(text_of(path)):
        if not re.match(r"[a-z]+:", target):
            file, _, name = target.partition("#")
            yield file, name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for file, name in links(path):
        target = (path.parent / file).resolve() if file else path
        if "docs/api/" in str(target):  # written when the site is built
            assert (ROOT / "grokking" / target.stem).is_dir()
            continue
        assert target.exists(), f"{path.name} links to {file}"
        if name and target.suffix == ".md":
            assert name in {anchor(h) for h in re.findall(r"^#+ (.+)$", text_of(target), re.MULTILINE)}


def test_links_were_found() -> None:
    assert sum(1 for path in DOCUMENTS for _ in links(path)) > 60


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_worked_examples_are_true(path: Path) -> None:
    module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    found = doctest.testmod(module)
    assert (found.attempted > 0, found.failed) == (True, 0)


def test_the_readme_is_short_and_its_pictures_are_legible() -> None:
    from PIL import Image

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    shown = re.findall(r"!\[[^\]]+\]\((docs/figures/[^)]+)\)", text)
    assert len(shown) >= 8
    for name in shown:
        with Image.open(ROOT / name) as picture:
            assert 600 <= picture.width <= 1300, name


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    if subprocess.run([sys.executable, "-c", SITE], capture_output=True).returncode:
        pytest.skip("Sphinx and its extensions (requirements-docs.txt) are not installed")
    command = [sys.executable, "-m", "sphinx", "-q", "--fail-on-warning", "--keep-going", "-c", "docs", "."]
    done = subprocess.run(
        [*command, str(tmp_path / "site")],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "GROKKING_DOCS_NOTEBOOKS": "off"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    pages = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.html")}
    wanted = {"index.html", "docs/index.html", "docs/definitions.html", "docs/api/metrics.html"}
    assert wanted | {"notebooks/1_train_and_grok.html", "results/README.html", "search.html"} <= pages
    text = (tmp_path / "site" / "docs" / "index.html").read_text(encoding="utf-8")
    loaded = re.findall(r"<(?:script|link)[^>]+(?:src|href)=\"(https?:[^\"]+)\"", text)
    assert loaded == []  # it is read without a network

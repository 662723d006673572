"""What a release says of itself: version, citation, classifiers, extras."""

import re
import tomllib

import grokking
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def field(name: str) -> str:
    (value,) = re.findall(rf"^{name}: (.+)$", CITATION, re.MULTILINE)
    return value.strip('"')


def test_the_citation_names_the_last_release() -> None:
    headings = re.findall(
        r"^## (\S+)(.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert headings[0][0] == grokking.__version__
    unreleased = "unreleased" in headings[0][1]
    assert (field("version") != grokking.__version__) is unreleased
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", field("date-released"))


def test_the_citation_has_what_the_format_demands() -> None:
    """Citation File Format 1.2.0: these keys must be there; an author is a person or has a name."""
    assert field("cff-version") == "1.2.0"
    assert field("type") == "software"
    assert field("license") == PROJECT["license"]
    assert field("message")
    assert field("title")
    assert re.search(r"^authors:\n  - (name|family-names|given-names): ", CITATION, re.MULTILINE)
    assert CITATION.count("- type: article") == CITATION.count("arxiv.org/abs/")


def test_the_package_says_what_it_runs_on() -> None:
    assert PROJECT["name"] == "grokking-toolkit"  # "grokking" is another project's on the index
    versions = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    assert versions == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["requires-python"] == ">=3.11"
    assert "Typing :: Typed" in PROJECT["classifiers"]
    assert (ROOT / "grokking" / "py.typed").exists()
    assert {"fast", "notebooks", "docs", "test"} <= set(PROJECT["optional-dependencies"])

"""How the documentation is built: ``./run docs``, or ``python -m sphinx -c docs . docs_site``.

The source folder is the whole project, since documents link to each other across folders. The API reference
is written anew into ``docs/api`` at every build, a page for each package, so that it lists what there is.
"""

import os
import pkgutil
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("runs", "metrics", "groups", "tasks", "models", "optim", "films", "audit", "interop", "sweep")
"""Packages of the API reference, in its order; rooms that are not named are not meant to be imported."""

project = "grokking"
author = copyright = "The grokking toolkit's authors"
root_doc = "docs/index"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_copybutton"]
include_patterns = [
    "docs/*.md",
    "docs/howto/*.md",
    "docs/api/*.md",
    "results/*.md",
    "notebooks/*.ipynb",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
exclude_patterns = ["**/.venv/**", "docs_site"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
# Kept outputs, if there are any; --execute runs the notebooks, once, and remembers what they gave.
nb_execution_mode = os.environ.get("GROKKING_DOCS_NOTEBOOKS", "off")
nb_execution_timeout = 1500
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_execution_cache_path = str(ROOT / "docs_site" / ".notebooks")
# Docstrings are read in the terminal and by Sphinx; shapes such as [n*, m] are no markup.
suppress_warnings = ["docutils", "myst.header", "misc.highlighting_failure"]
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}
autodoc_typehints = "signature"
html_theme = "furo"
html_title = "grokking"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_extra"]
html_show_sphinx = False
templates_path: list[str] = []


def modules_of(package: str) -> list[str]:
    """Public modules of a package of grokking, in alphabetical order, the package itself first."""
    top = import_module(f"grokking.{package}")
    found = (info.name for info in pkgutil.walk_packages(top.__path__, f"{top.__name__}."))
    public = [name for name in found if not any(part.startswith("_") for part in name.split("."))]
    return [top.__name__, *sorted(public)]


def write_api() -> None:
    """Write a page for each package, with its modules and their docstrings."""
    folder = ROOT / "docs" / "api"
    folder.mkdir(exist_ok=True)
    for package in PACKAGES:
        parts = []
        for name in modules_of(package):
            level = "##" if parts else "#"
            if parts and not (import_module(name).__doc__ or "").strip():
                continue
            # A long name may break after a point, so that it fits on a telephone.
            title = name.replace(".", ".\u200b")
            parts.append(f"{level} {title}\n\n```{{eval-rst}}\n.. automodule:: {name}\n```\n")
        text = "\n".join(parts)
        page = folder / f"{package}.md"
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def readable_signature(_app: Any, _what: str, _name: str, _object: Any, _options: Any, *parts: Any) -> Any:
    """A signature that Sphinx can parse: ``<factory>``, the default of a dataclass's field, is no Python."""
    arguments, result = parts
    return arguments and arguments.replace("<factory>", "..."), result


def setup(app: Any) -> None:
    """What Sphinx calls before it reads the first document."""
    app.connect("autodoc-process-signature", readable_signature)


write_api()

"""``index.html``: prose with formulas as vector pictures, the CSS, with the colours of the films' palette."""

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path

from grokking.drawing.style import THEMES, palette

ASSETS = Path(__file__).parent / "assets"
FORMULA = re.compile(r"\{\{formula:([a-z_0-9]+)\}\}")
# What only a page needs, in addition to the meanings of the palette: contrast of small text, hairlines.
PAGE_COLOURS = {
    "light": {"link": "mean", "line": "other_frequency", "onstrong": "background"},
    "dark": {"link": "mean", "line": "other_frequency", "onstrong": "background"},
}
NO_MARK = ("background", "faint", "cursor", "muted")
"""Meanings of the palette that no line, bar or swatch has."""


def colours_css() -> str:
    """The palette as variables per theme, and classes that use a meaning as fill, line or background."""
    rules = []
    for theme in THEMES:
        own = palette()[theme]
        named = {**own, **{name: own[meaning] for name, meaning in PAGE_COLOURS[theme].items()}}
        values = "".join(f"--{name}:{colour};" for name, colour in named.items())
        rules.append(f'[data-theme="{theme}"]{{color-scheme:{theme};{values}}}')
    for name in (meaning for meaning in palette()[THEMES[0]] if meaning not in NO_MARK):
        rules.append(
            f".bg-{name}{{background-color:var(--{name})}}.fill-{name}{{fill:var(--{name})}}"
            f".line.{name}{{stroke:var(--{name})}}"
        )
    return "\n".join(rules)


def formula_html(name: str) -> str:
    """A formula as SVG with its reading in words; raises KeyError for one that was not rendered."""
    texts = json.loads((ASSETS / "formulas" / "formulas.json").read_text(encoding="utf-8"))
    pictures = json.loads((ASSETS / "formulas" / "formulas.svg.json").read_text(encoding="utf-8"))
    label = html.escape(texts[name]["alt"], quote=True)
    svg = pictures[name].replace('role="img"', f'role="img" aria-label="{label}"', 1)
    about = f'class="formula" id="formula-{name}" tabindex="0" role="group" aria-label="Formula"'
    return f"<div {about}>{svg}</div>"


def index_html(scripts: Sequence[str]) -> str:
    """The page; ``scripts`` are paths relative to it, loaded in order after the text."""
    page = (ASSETS / "page.html").read_text(encoding="utf-8")
    style = colours_css() + (ASSETS / "style.css").read_text(encoding="utf-8")
    page = FORMULA.sub(lambda match: formula_html(match[1]), page)
    tags = "\n".join(f'<script defer src="{html.escape(path, quote=True)}"></script>' for path in scripts)
    return page.replace("{{style}}", style).replace("{{scripts}}", tags)

"""``index.html``: the figures with their captions on one page that needs no network.

Beside it ``atlas.json`` remembers the captions, so that a figure drawn alone later joins the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from grokking.drawing.style import Style
from grokking.errors import UserError
from grokking.figures.drawing import Drawn
from grokking.figures.registry import PLATES
from grokking.figures.scene import Scene
from grokking.figures.spec import SECTIONS, FigureSpec
from grokking.storage.atomic_io import read_json, write_bytes, write_json

INDEX, RECORD = "index.html", "atlas.json"
STYLE = """
:root {{ color-scheme: light; }}
body {{ margin: 0 auto; max-width: 58rem; padding: 1.5rem 1rem 4rem; color: {ink}; background: {background};
  font: 16px/1.55 system-ui, sans-serif; }}
h1 {{ margin: 0; font-size: 1.7rem; }}  h2 {{ margin: 3rem 0 .5rem; font-size: 1.3rem; }}
.config, small {{ color: {muted}; }}
nav ul {{ columns: 2; padding-left: 1.2rem; }}  nav li {{ break-inside: avoid; }}
a {{ color: {mean}; }}
figure {{ margin: 1.5rem 0 2.5rem; }}
img {{ width: 100%; height: auto; border: 1px solid {faint}; box-sizing: border-box; }}
figcaption {{ margin-top: .4rem; }}
@media (max-width: 40rem) {{ nav ul {{ columns: 1; }} }}
@media print {{ nav {{ display: none; }} figure {{ break-inside: avoid; }} }}
"""


def write_index(folder: Path, scene: Scene, drawn: Sequence[Drawn], left_out: Sequence[str]) -> Path:
    """Write the page of a folder, older figures of the same scene included; returns its path."""
    about = {
        "run": scene.run.name,
        "config": scene.run.config.as_dict(),
        "operation": scene.operation.name,
        "epoch": scene.epoch,
        "last_epoch": scene.run.final_epoch,
    }
    plates = {one.name: asdict(one) for one in drawn}
    plates = _earlier(folder, about) | plates
    write_json(folder / RECORD, {**about, "plates": plates})
    write_bytes(folder / INDEX, page(scene, plates, left_out).encode())
    return folder / INDEX


def _earlier(folder: Path, about: Mapping[str, Any]) -> dict[str, Any]:
    """Captions of figures that were drawn before of the same scene and are still there."""
    try:
        record = read_json(folder / RECORD) if (folder / RECORD).exists() else None
    except UserError:
        return {}
    if not isinstance(record, dict) or any(record.get(name) != value for name, value in about.items()):
        return {}
    plates = record.get("plates")
    known = {spec.name for spec in PLATES}
    return {
        name: one
        for name, one in (plates if isinstance(plates, dict) else {}).items()
        if name in known and all((folder / file).exists() for file in one["files"].values())
    }


def page(scene: Scene, plates: Mapping[str, Mapping[str, Any]], left_out: Sequence[str] = ()) -> str:
    """The page. plates: ``Drawn`` as records, by name."""
    present = [spec for spec in PLATES if spec.name in plates]
    sections = [name for name in SECTIONS if any(spec.section == name for spec in present)]
    body = [_head(scene), _contents(sections, present)]
    for section in sections:
        body.append(f'<h2 id="section-{section}">{escape(SECTIONS[section])}</h2>')
        body += [_figure(spec, plates[spec.name], scene) for spec in present if spec.section == section]
    if left_out:
        body.append(
            f"<p>Left out, since {escape(scene.operation.symbol)} has no cyclic group and so no "
            f"waves: {escape(', '.join(left_out))}.</p>"
        )
    title = escape(f"Atlas of {scene.run.name}")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE.format(**Style().colour)}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _head(scene: Scene) -> str:
    keys = ", ".join(map(str, scene.keys))
    told = f"Key frequencies of the final model: {keys}." if keys else "No key frequency."
    return (
        f"<h1>Atlas of {escape(scene.run.name)}</h1>\n"
        f'<p class="config">{escape(scene.config_line.replace("    ", " · "))}</p>\n'
        f"<p>Figures of one epoch show epoch {scene.epoch:,}; the last kept one is "
        f"{scene.run.final_epoch:,}. "
        f"{told if scene.group is not None else ''}</p>"
    )


def _contents(sections: Sequence[str], present: Sequence[FigureSpec]) -> str:
    rows = [
        f'<li><a href="#section-{section}">{escape(SECTIONS[section])}</a>: '
        + ", ".join(
            f'<a href="#{spec.name}">{escape(spec.title)}</a>' for spec in present if spec.section == section
        )
        + "</li>"
        for section in sections
    ]
    return "<nav><ul>\n" + "\n".join(rows) + "\n</ul></nav>"


def _figure(spec: FigureSpec, drawn: Mapping[str, Any], scene: Scene) -> str:
    files = drawn["files"]
    picture = files.get("png") or next(iter(files.values()))
    links = " ".join(f'<a href="{escape(file)}">{kind.upper()}</a>' for kind, file in files.items())
    width, height = (round(160 * inches) for inches in drawn["size"])
    when = f", epoch {scene.epoch:,}" if spec.at_epoch else ""
    return (
        f'<figure id="{spec.name}">\n<img src="{escape(picture)}" width="{width}" height="{height}" '
        f'loading="lazy" alt="{escape(spec.title)}. {escape(drawn["facts"])}">\n'
        f"<figcaption><b>{escape(spec.title)}.</b> {escape(drawn['facts'])} "
        f"<em>How to read it:</em> {escape(spec.reading)} "
        f"<small>{escape(scene.run.name)}: {escape(scene.config_line.replace('    ', ' · '))}{when}. "
        f"{links}</small></figcaption>\n</figure>"
    )

"""The folder of the page: ``index.html`` with prose and formulas, scripts, the data of each run."""

import html
import inspect
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grokking.drawing.style import THEMES, palette
from grokking.errors import UserError, os_errors_as
from grokking.models.transformer.network import attention, neurons_and_logits
from grokking.page.audit_cases import read_cases
from grokking.page.bundle import Bundle, make_bundle
from grokking.page.claims import judged
from grokking.page.extras import read_sweep
from grokking.page.measure import page_views
from grokking.page.pack import script
from grokking.page.trajectories import read_trajectories
from grokking.runs.run import Run, load_run
from grokking.storage.atomic_io import folder_for, make_folder, temporaries, write_bytes
from grokking.storage.locking import locked
from grokking.tasks.pairs import PairTask

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


def listing() -> str:
    """The code of the network that was trained: the project's own readable forward pass."""
    return html.escape(
        "\n\n".join(inspect.getsource(part).rstrip() for part in (neurons_and_logits, attention))
    )


def index_html(scripts: Sequence[str]) -> str:
    """The page; ``scripts`` are paths relative to it, loaded in order after the text."""
    page = (ASSETS / "page.html").read_text(encoding="utf-8")
    style = colours_css() + "".join(
        (ASSETS / name).read_text(encoding="utf-8") for name in ("style.css", "lab/lab.css")
    )
    page = page.replace("{{laboratory}}", (ASSETS / "lab" / "lab.html").read_text(encoding="utf-8"))
    page = FORMULA.sub(lambda match: formula_html(match[1]), page)
    tags = "\n".join(f'<script defer src="{html.escape(path, quote=True)}"></script>' for path in scripts)
    return page.replace("{{style}}", style).replace("{{listing}}", listing()).replace("{{scripts}}", tags)


CORE = ("core", "data", "maths", "live", "ablation", "draw", "figure", "prose", "clock", "common")
"""Scripts that the figures need, in this order; ``main`` comes last."""
INDEX, PAGE_DATA = "index.html", "data/page.js"
CLAIMS = Path(__file__).resolve().parents[2] / "docs" / "claims.md"
"""The table of verdicts, where the package lies in its source tree."""
BUILDING = ".page"
"""Lock in a folder whose page is being built; a build that was killed leaves it there."""


@dataclass(frozen=True)
class Extras:
    """What was measured elsewhere; None where it was not given. claims: a markdown table of verdicts."""

    sweep: Path | None = None
    kinematics: Path | None = None
    claims: Path | None = None
    audits: Path | None = None


def build_site(paths: Sequence[Path], output: Path, extras: Extras | None = None) -> Path:
    """Measure the runs and write the page; returns ``index.html``.

    Everything is read and measured before anything is written. Raises UserError for a folder that is
    no run, has no checkpoint or no history, and DamagedFile for damage.
    """
    extras = extras or Extras()
    runs = [load_run(path) for path in paths]
    for run in runs:
        _check(run)
    extra_records = {
        "sweep": read_sweep(extras.sweep),
        "kinematics": read_trajectories(extras.kinematics),
        "claims": judged(extras.claims),
        "audits": read_cases(extras.audits),
    }
    bundles = _bundles(runs)
    _check_output(output)
    index = output / INDEX
    with folder_for(output), locked(output, BUILDING):
        _clear(output)
        try:
            scripts = _copy_scripts(output)
            _write_data(output, bundles, extra_records)
            first = f"data/{bundles[0].record['id']}.js"
            write_bytes(index, index_html([*scripts, "data/page.js", first, "js/main.js"]).encode())
        except BaseException:  # without the lock nothing would tell a part of a page from a person's files
            _clear(output)
            raise
    return index


def _check(run: Run) -> None:
    _ = run.history
    if not isinstance(run.task, PairTask):
        raise UserError(
            f"{run.directory.path} is a run of {run.task.title}; give it to --kinematics, "
            "together with a run of add, sub, mul or div"
        )


def _bundles(runs: Sequence[Run]) -> list[Bundle]:
    found: list[Bundle] = []
    for run in runs:
        for view in page_views(run):
            found.append(make_bundle(view, len(found)))
    return found


def _check_output(output: Path) -> None:
    """Only an empty folder, or one that holds an earlier page, even an unfinished one, is written to."""
    if output.exists() and not output.is_dir():
        raise UserError(f"{output} is a file; --output_dir takes a folder")
    ours = any((output / name).exists() for name in (PAGE_DATA, BUILDING))
    if output.is_dir() and any(output.iterdir()) and not ours:
        raise UserError(f"{output} holds something else than an earlier page; give an empty or a new folder")


def _clear(output: Path) -> None:
    """The earlier page goes, its index first: half a page is none."""
    unfinished = [left for left, name in temporaries(output).items() if name == INDEX]
    with os_errors_as(f"write in {output}"):
        for path in (output / INDEX, *unfinished):
            path.unlink(missing_ok=True)
    for name in ("data", "js"):
        shutil.rmtree(output / name, ignore_errors=True)


def _copy_scripts(output: Path) -> list[str]:
    """Copy the page's JavaScript next to ``index.html``; returns all but ``main`` in the order of loading."""
    figures = sorted(path.stem for path in (ASSETS / "js" / "figures").glob("*.js"))
    laboratory = sorted(path.name for path in (ASSETS / "js" / "lab").glob("*.js"))
    names = [f"js/{name}.js" for name in CORE] + [f"js/figures/{name}.js" for name in figures]
    names += [f"js/lab/{name}" for name in laboratory]
    for folder in ("figures", "lab"):
        make_folder(output / "js" / folder)
    for name in [*names, "js/main.js"]:
        write_bytes(output / name, (ASSETS / name).read_bytes())
    return names


def _write_data(output: Path, bundles: Sequence[Bundle], extra_records: dict[str, Any]) -> None:
    make_folder(output / "data")
    for bundle in bundles:
        name = bundle.record["id"]
        write_bytes(output / "data" / f"{name}.js", script(name, bundle.record).encode())
        for epoch, weights in bundle.live.items():
            live = f"{name}_e{epoch}"
            write_bytes(output / "data" / f"{live}.js", script(live, weights).encode())
    page = {
        **extra_records,
        "residues": palette()["residues"],
        "subjects": [_summary(b.record) for b in bundles],
    }
    write_bytes(output / PAGE_DATA, script("page", page).encode())


def _summary(record: dict[str, Any]) -> dict[str, Any]:
    """What the page knows of a run before its data is loaded."""
    fields = ("id", "name", "run", "operation", "operations", "grokking_epoch", "commit", "command")
    label = f"{record['name']} ({record['symbol']} mod {record['p']})"
    history = record["history"]
    return {
        **{name: record[name] for name in fields},
        "label": label,
        "group": record.get("group"),
        "seed": record["config"].get("seed"),
        "epochs": history["epochs"][-1],
        "curve": {"epochs": history["epochs"], "test_acc": history.get("test_acc") or history.get("all_acc")},
    }

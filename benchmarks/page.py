"""Measure the page as its reader feels it: build, size, first paint, frames while dragging, live weights.

    python -m benchmarks.page RUN_DIR RUN_DIR
    python -m benchmarks.page docs/recorded/addition --seconds 1

Headless Chromium (Debian's package ``chromium``) opens the built folder from disk, 1280 × 900, without a
network and without a GPU. Prints Markdown: each bar, what was measured, and whether it holds.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.errors import UserError
from grokking.page.site import Extras, build_site
from grokking.storage.provenance import git_commit, machine, versions

RECORDED = Path("docs/recorded")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MB = 1e6
PATIENCE = 120_000
DRAG = """async (milliseconds) => {
  const slider = document.getElementById('step'), n = Number(slider.max) + 1;
  let at = 0, frames = 0;
  const began = performance.now();
  await new Promise((done) => {
    const tick = () => {
      slider.value = at++ % n; slider.dispatchEvent(new Event('input')); frames++;
      if (performance.now() - began < milliseconds) requestAnimationFrame(tick); else done();
    };
    requestAnimationFrame(tick);
  });
  return frames / ((performance.now() - began) / 1000);
}"""
CHANGES = """async (id) => {
  const s = await Timeless.subject(id), epoch = s.live.epochs[s.live.epochs.length - 1], times = [];
  const ks = [...Array(Math.floor(s.n / 2)).keys()].map((i) => i + 1).slice(0, 9);
  await Timeless.live.measure(id, epoch, [], s.keys);
  for (const k of ks) {
    const began = performance.now();
    await Timeless.live.measure(id, epoch, [k, ...s.keys], s.keys);
    times.push(performance.now() - began);
  }
  return [times, s.n * s.n];
}"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
FIGURES = "[...document.querySelectorAll('figure[data-figure]')].map((node) => node.dataset.figure)"


@dataclass
class Table:
    """Rows of what, bar, measured, holds."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, what: str, bar: float, unit: str, found: Sequence[float], at_least: bool = False) -> None:
        """The median of ``found`` against a bar; the range where there are several."""
        middle = statistics.median(found)
        spread = f" ({min(found):.3g} – {max(found):.3g}, n = {len(found)})" if len(found) > 1 else ""
        holds = middle >= bar if at_least else middle <= bar
        self.rows.append(
            (
                what,
                f"{'≥' if at_least else '≤'} {bar:g} {unit}",
                f"{middle:.3g} {unit}{spread}",
                "yes" if holds else "**no**",
            )
        )

    def __str__(self) -> str:
        head = "| what | bar | median (range) | holds |\n| --- | --- | --- | --- |\n"
        return head + "\n".join(f"| {' | '.join(row)} |" for row in self.rows)


@contextmanager
def browser() -> Iterator[Any]:
    """Headless Chromium of the system; raises UserError without one."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise UserError("playwright is missing; pip install -r requirements-test.txt brings it") from None
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is None:
        raise UserError("no Chromium on this machine; apt-get install chromium brings one")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


def size(folder: Path) -> float:
    """Megabytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MB


def build(runs: Sequence[Path], folder: Path, table: Table) -> Path:
    """Build a page of all runs; returns its folder."""
    began = time.perf_counter()
    build_site(list(runs), folder / "all", Extras(claims=Path("docs/claims.md")))
    table.add("build, per run", 30, "s", [(time.perf_counter() - began) / len(runs)])
    table.add(f"folder of {len(runs)} run{'s' * (len(runs) > 1)}", 15, "MB", [size(folder / "all")])
    if RECORDED.is_dir():
        table.add("recorded runs in the repository", 8, "MB", [size(RECORDED)])
    return folder / "all"


def opened(chromium: Any, site: Path) -> Any:
    """The page, in a context of its own, when it is ready."""
    page = chromium.new_context(viewport={"width": 1280, "height": 900}, offline=True).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(site.as_uri() + "/index.html")
    page.wait_for_selector("html[data-ready]")
    return page


def first_paint(chromium: Any, site: Path, times: int, table: Table) -> None:
    """From disk, in a fresh context each time."""
    found = []
    for _ in range(times):
        page = opened(chromium, site)
        page.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
        found.append(page.evaluate(PAINT) / 1000)
        page.context.close()
    table.add("first paint", 1, "s", found)


def frames(chromium: Any, site: Path, seconds: float, table: Table) -> None:
    """Frames a second while the clock is dragged through all steps, for each figure in view."""
    page = opened(chromium, site)
    for name in page.evaluate(FIGURES):
        page.evaluate(f"document.querySelector('figure[data-figure={name}]').scrollIntoView()")
        page.wait_for_function(f"Timeless.mounted.find((m) => m.id === '{name}').stamp")
        if page.locator(f"figure[data-figure={name}].absent").count():
            continue  # it shows words: these runs have no data for it
        page.evaluate(DRAG, 300)  # first pictures fill caches
        table.add(
            f"dragging the clock, {name} in view",
            30,
            "frames/s",
            [page.evaluate(DRAG, 1000 * seconds) for _ in range(3)],
            at_least=True,
        )
    page.context.close()


def live(chromium: Any, site: Path, n_subjects: int, table: Table) -> None:
    """A change of frequencies, all pairs computed again."""
    page = opened(chromium, site)
    for i in range(n_subjects):
        times, pairs = page.evaluate(CHANGES, f"run{i}")
        table.add(f"one change of frequencies, all {pairs:,} pairs", 200, "ms", times)
    page.context.close()


def main() -> None:
    """Print the table."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run_dirs", type=Path, nargs="+", metavar="RUN_DIR")
    parser.add_argument("--seconds", type=float, default=2, help="of dragging, thrice (default: %(default)s)")
    parser.add_argument("--paints", type=int, default=5, help="openings of the page (default: %(default)s)")
    args = parser.read()
    table = Table()
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        site = build(args.run_dirs, Path(folder), table)
        first_paint(chromium, site, args.paints, table)
        live(chromium, site, len(args.run_dirs), table)
        frames(chromium, site, args.seconds, table)
        browser_version = chromium.version
    print(table)
    print(f"\nChromium {browser_version}; {machine()}, {versions()}, commit {git_commit()}")


if __name__ == "__main__":
    run_script(main)

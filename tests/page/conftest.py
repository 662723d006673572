"""A page built once from a recorded run and a tiny one, and a headless browser without a network."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from grokking.config import RunConfig
from grokking.models.transformer import EXTRA_BIASES
from grokking.page.site import Extras, build_site
from grokking.storage.atomic_io import read_json, write_json
from grokking.storage.run_directory import CONFIG

RECORDED = Path(__file__).parents[2] / "docs" / "recorded"
PATIENCE = 120_000
"""Milliseconds: these pages wait for nothing, but the machine may be busy."""
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HOSTILE = "</script><img src=x onerror=document.title='owned'>"
PENDING = """window.pendingInTests = new Set();
for (const [ask, cancel] of [['setTimeout', 'clearTimeout'],
                             ['requestAnimationFrame', 'cancelAnimationFrame']]) {
    const asked = window[ask].bind(window), cancelled = window[cancel].bind(window);
    window[ask] = (then, delay, ...rest) => {
        const done = (...now) => { try { then(...now); } finally { pendingInTests.delete(ask + id); } };
        const id = asked(done, delay, ...rest);
        if (!(delay > 1000)) pendingInTests.add(ask + id);
        return id;
    };
    window[cancel] = (id) => { pendingInTests.delete(ask + id); cancelled(id); };
}"""
"""Runs before the page's scripts and notes what they put off; but for seconds they put off tidying only."""
REST = """async (milliseconds) => {
    const end = performance.now() + milliseconds;
    // Called when the page's own observers have been: what was scrolled to has asked for its picture.
    const frame = () => new Promise((done) => {
        const observer = new IntersectionObserver(() => { observer.disconnect(); done(); });
        observer.observe(document.documentElement); });
    for (let quiet = 0; quiet < 3;) {
        if (performance.now() > end) return [...pendingInTests, ...Object.keys(Timeless.waiting)];
        await frame();
        quiet = pendingInTests.size || Object.keys(Timeless.waiting).length ? 0 : quiet + 1;
    }
    return [];
}"""
"""Waits until nothing is put off and no file is awaited; returns what still is when time is up."""
CLAIMS = """
| claim | source | measured | verdict | command |
| --- | --- | --- | --- | --- |
| circularity jumps from ~0.5 to ~0.87 | films | 0.65 to **0.98**, n = 1 | holds in part | `x.py` |
| a claim with </script><b>markup</b> | elsewhere | a \\| b | does not hold | `python y.py` |
"""


@pytest.fixture(scope="session")
def hostile_run(tmp_path_factory: pytest.TempPathFactory, tiny_run: Path) -> Path:
    """A run whose recorded command and folder name are markup."""
    folder = tmp_path_factory.mktemp("hostile") / "<b onload=x>name&amp;"
    shutil.copytree(tiny_run, folder)
    (folder / "manifest.json").unlink()  # it would not vouch for what comes now
    record = read_json(folder / CONFIG)
    write_json(folder / CONFIG, record | {"command": ["python", HOSTILE], "git_commit": HOSTILE})
    return folder


@pytest.fixture(scope="session")
def runs(
    tmp_path_factory: pytest.TempPathFactory,
    hostile_run: Path,
    tiny_config: RunConfig,
    train_run: Callable[..., Path],
) -> dict[str, Path]:
    """The runs of the page, by their ids on it: multiplication, the hostile one, addition mod 113 at four
    of its recorded epochs, one with biases everywhere and GELU, one with layer norm."""
    folder = tmp_path_factory.mktemp("of_the_page")
    addition = folder / "addition"
    addition.mkdir()
    checkpoints = [f"checkpoint_e{epoch:06}.safetensors" for epoch in (0, 290, 11000, 15000)]
    for name in (CONFIG, "history.json", *checkpoints):
        shutil.copy(RECORDED / "addition" / name, addition)
    tiny = tiny_config.as_dict()
    biased = RunConfig(**tiny | {"biases": ",".join(EXTRA_BIASES), "activation": "gelu", "task": "sub"})
    normed = RunConfig(**tiny | {"layer_norm": True, "n_epochs": 10})
    found = [
        RECORDED / "multiplication",
        hostile_run,
        addition,
        train_run(biased, folder / "biased"),
        train_run(normed, folder / "normed"),
    ]
    return {f"run{i}": path for i, path in enumerate(found)}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, runs: dict[str, Path]) -> Path:
    """The page's folder."""
    folder = tmp_path_factory.mktemp("site")
    claims = folder.parent / "claims.md"
    claims.write_text(CLAIMS, encoding="utf-8")
    output = folder / "page"
    build_site(list(runs.values()), output, Extras(claims=claims))
    return output


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium of the system."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next((path for path in map(shutil.which, BROWSERS) if path), None)
    if found is None:
        pytest.skip("no Chromium on this machine; apt-get install chromium brings one")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


@dataclass
class Visit:
    """An open page with what went wrong on it."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def state(self, name: str) -> Any:
        """A field of the page's state."""
        return self.page.evaluate(f"Timeless.state.{name}")

    def figure(self, name: str) -> Any:
        """A figure, scrolled to and drawn."""
        node = self.page.locator(f"figure[data-figure={name}]")
        node.scroll_into_view_if_needed()
        self.page.wait_for_function(f"Timeless.mounted.find((m) => m.id === '{name}').stamp")
        return node

    def settle(self) -> None:
        """Until words and address have followed the pictures."""
        assert self.page.evaluate(REST, PATIENCE) == [], "the page does not come to rest"


@pytest.fixture
def visit(browser: Any, site: Path) -> Iterator[Callable[..., Visit]]:
    """visit("#epoch=20", width=390, …) opens the page; at the end no visit may have had an error."""
    opened: list[tuple[Any, Visit]] = []

    def go(fragment: str = "", width: int = 1280, folder: Path = site, **options: Any) -> Visit:
        options = {"reduced_motion": "reduce"} | options  # or the page would play by itself
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **options)
        context.set_default_timeout(PATIENCE)
        context.add_init_script(PENDING)
        page = context.new_page()
        visit = Visit(page)
        page.on("console", lambda m: visit.errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: visit.errors.append(str(error)))
        page.on("request", lambda request: visit.requests.append(request.url))
        page.goto(folder.as_uri() + "/index.html" + fragment)
        page.wait_for_selector("html[data-ready]")
        opened.append((context, visit))
        return visit

    yield go
    for context, visited in opened:
        context.close()
        assert not visited.errors
        assert all(url.startswith(("file:", "blob:")) for url in visited.requests)

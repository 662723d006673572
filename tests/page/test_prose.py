"""What the page says of the run on show, held against its own data: no sentence may say what is not so.

For recorded and tiny runs, and for one tiny run whose history is written anew for each story.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grokking.metrics.embedding import frequency_share
from grokking.metrics.logits import GroupLogits
from grokking.page.hidden_circuit import waves_only
from grokking.page.site import ASSETS, build_site
from grokking.page.story import KINDS, PLATEAU, STILL
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.atomic_io import read_json, write_json

pytestmark = pytest.mark.slow
Visits = Callable[..., Any]
MOMENTS = ("memorised", "still", "half", "grokking", "hidden", "formation", "cleanup", "end")
NO_PLATEAU = "shows no plateau"
NEVER = "never groks"
RISES = {  # test accuracy in five rows, and the epochs of memorising and of grokking
    "plateau": ([0.0, 0.05, 0.06, 0.1, 1.0], 10, 60),
    "gradual": ([0.0, 0.2, 0.6, 0.8, 1.0], 10, 60),
    "together": ([0.0, 0.9, 1.0, 1.0, 1.0], 20, 30),
    "memorised": ([0.0, 0.05, 0.06, 0.06, 0.07], 10, None),
    "unlearnt": ([0.0, 0.0, 0.01, 0.01, 0.02], None, None),
}
ROWS = [0, 15, 30, 45, 60]


def told(v: Any, selector: str = "main") -> str:
    return " ".join(v.page.locator(selector).inner_text().split())


@pytest.mark.parametrize("kind", RISES)
def test_every_story_is_told_and_no_other(
    kind: str, visit: Visits, tiny_run: Path, tmp_path: Path, made_by_hand: Callable[[Path], None]
) -> None:
    test, memorised, grokking = RISES[kind]
    run = Path(shutil.copytree(tiny_run, tmp_path / "run"))
    made_by_hand(run)
    history = read_json(run / "history.json")
    lists = {name: [None] * len(ROWS) for name, values in history.items() if isinstance(values, list)}
    curves = {"epochs": ROWS, "test_acc": test, "train_acc": [0.5 if memorised is None else 1.0] * len(ROWS)}
    moments = {"memorisation_epoch": memorised, "grokking_epoch": grokking}
    write_json(run / "history.json", history | lists | curves | moments)
    (run / "progress.json").unlink(missing_ok=True)
    build_site([run], tmp_path / "page")
    v = visit(folder=tmp_path / "page")
    assert v.page.evaluate("Timeless.current().story.kind") == kind
    text = told(v, ".hero") + told(v, "section[aria-labelledby=t1]")
    assert (NO_PLATEAU in text) == (kind in ("gradual", "together"))
    assert (NEVER in text) == (kind in ("memorised", "unlearnt"))
    assert ("of the others it gets at most" in text) == (kind == "plateau")
    shown = v.page.locator("[data-when]:visible").all()
    assert shown
    assert all(kind in (node.get_attribute("data-when") or "") for node in shown)
    assert set(KINDS) - {"unknown"} == set(RISES)


@pytest.mark.parametrize("name", ["run0", "run1", "run2", "run3"])
def test_links_show_the_first_kept_epoch_from_the_one_they_name(name: str, visit: Visits) -> None:
    v = visit(f"#run={name}")
    steps = v.page.evaluate("Timeless.current().steps")
    for moment in MOMENTS:
        wanted = v.page.evaluate(f"Timeless.current().moment('{moment}')")
        if wanted is None:
            assert not v.page.locator(f"a[data-moment={moment}][href]").count()
            continue
        v.page.evaluate(f"document.querySelector('a[data-moment={moment}]').click()")
        v.settle()
        assert v.state("epoch") == min(step for step in steps if step >= wanted), moment


def test_a_plateau_that_is_told_is_one(visit: Visits, runs: dict[str, Path]) -> None:
    v = visit("#run=run2")
    story = v.page.evaluate("Timeless.current().story")
    assert story["kind"] == PLATEAU
    history = Run(runs["run2"]).history
    rows = [i for i, e in enumerate(history["epochs"]) if story["still_from"] <= e <= story["still_to"]]
    assert max(history["test_acc"][i] for i in rows) <= story["level"] + STILL
    assert min(history["train_acc"][i] for i in rows) >= 0.99
    text = told(v, "section[aria-labelledby=t1]")
    for value in (history["test_acc"][rows[0]], history["test_acc"][rows[-1]]):
        assert v.page.evaluate(f"Timeless.percent({value})") in text
    assert history["grokking_epoch"] == story["grokking"]


def test_what_the_waves_alone_answer_is_what_the_library_says(visit: Visits, runs: dict[str, Path]) -> None:
    run = Run(runs["run2"])
    v = visit("#run=run2&waves=only")
    epoch = v.page.evaluate("Timeless.current().hidden")
    view = RunView(run)
    logits = GroupLogits.of(run.observe(epoch), view.grid, run.split)
    alone = waves_only(logits, view.keys).alone
    assert alone is not None
    row = np.searchsorted(run.history["epochs"], epoch, side="right") - 1
    text = told(v, "section[aria-labelledby=t1]")
    assert alone - run.history["test_acc"][row] > 0.2
    for value in (alone, run.history["test_acc"][row]):
        assert v.page.evaluate(f"Timeless.percent({value})") in text
    line = v.figure("grokking").locator("path.key_frequency")
    assert line.get_attribute("visibility") == "visible"


def test_what_is_left_without_the_waves_at_memorising_is_what_the_network_leaves(
    visit: Visits, runs: dict[str, Path]
) -> None:
    """Also for the reader's own network: the step that the sentence links to is one of its live ones."""
    v = visit("#run=run2")
    s = v.page.evaluate("(({keys, live, steps, story}) => ({keys, live, steps, story}))(Timeless.current())")
    epoch = min(step for step in s["steps"] if step >= s["story"]["memorised"])
    assert epoch in s["live"]["epochs"]
    found = v.page.evaluate("(a) => Timeless.live.measure(...a)", ["run2", epoch, s["keys"], []])
    left = v.page.evaluate(f"Timeless.percent({found['excluded']['train']['accuracy']})")
    assert left in told(v, "section[aria-labelledby=t6] .prose")
    assert "little changes" not in told(v)


def test_links_set_the_clock_and_nothing_else(visit: Visits) -> None:
    v = visit("#run=run0&off=2,5&a=9&b=3&k=4&view=source&waves=only&neuron=1")
    before = v.page.evaluate("({...Timeless.state})")
    v.page.locator("a[data-moment=grokking]:visible").first.click()
    v.settle()
    after = v.page.evaluate("({...Timeless.state})")
    assert after.pop("epoch") != before.pop("epoch")
    assert after == before


def test_counting_order_has_the_period_p_and_no_key(visit: Visits, runs: dict[str, Path]) -> None:
    v, run = visit("#run=run0&order=additive&epoch=3000"), Run(runs["run0"])
    v.figure("multiplication")
    v.settle()
    data = "Timeless.mounted.find((m) => m.id === 'multiplication').drawn.data(Timeless.step())"
    found = v.page.evaluate(data)
    p = run.config.p
    assert (found["tokens"], found["period"], found["key_frequencies"]) == (list(range(p)), p, [])
    rows = run.weights(3000)["W_E"].double().numpy()[:p]
    np.testing.assert_allclose(found["shares"], frequency_share(rows - rows.mean(axis=0)), atol=1e-3)
    assert v.page.locator("figure[data-figure=multiplication] rect.key").count() == 0


def test_the_bars_of_the_keys_are_coloured_whatever_the_root(visit: Visits) -> None:
    v = visit("#run=run0&epoch=3000")
    v.figure("multiplication")
    for root in v.page.evaluate("Timeless.maths.primitiveRoots(Timeless.current().p)")[:4]:
        v.page.evaluate(f"Timeless.set({{ root: {root} }})")
        v.settle()
        found = v.page.evaluate(
            "Timeless.mounted.find((m) => m.id === 'multiplication').drawn.data(Timeless.step())"
        )
        keys = found["key_frequencies"]
        assert v.page.locator("figure[data-figure=multiplication] rect.key").count() == len(set(keys))
        tallest = np.argsort(found["shares"])[::-1][: len(keys)] + 1
        assert set(tallest) == set(keys)


def test_the_map_of_a_neuron_is_what_the_network_answers_to_each_pair(visit: Visits) -> None:
    v = visit("#run=run2&epoch=15000")
    largest, difference = v.page.evaluate("""async () => {
        const s = Timeless.current(), { network } = await Timeless.live.open(s, 15000);
        const map = Timeless.neuronMap(s, s.steps.length - 1, 0);
        let largest = 0, difference = 0;
        for (const [a, b] of [[5, 7], [0, 0], [100, 3], [44, 112]]) {
            const live = network.pair(a, b).neurons[s.neurons[0]];
            largest = Math.max(largest, live);
            difference = Math.max(difference, Math.abs(live - map[a * s.p + b]));
        }
        return [largest, difference]; }""")
    assert difference < 0.01 * max(largest, 0.1)


def test_the_votes_of_the_clocks_add_up_to_the_answer(visit: Visits) -> None:
    v = visit("#run=run2&epoch=15000&a=5&b=7")
    v.figure("walk")
    v.settle()
    data = "Timeless.mounted.find((m) => m.id === 'walk').drawn.data(Timeless.step())"
    with_all = v.page.evaluate(data)
    assert (with_all["best"], with_all["t"]) == (12, 12)
    sums = np.sum(with_all["each"], axis=0)
    np.testing.assert_allclose(with_all["sum"], sums)
    v.page.evaluate("Timeless.set({ off: Timeless.current().keys.slice(1) })")
    v.settle()
    one = v.page.evaluate(data)

    def lead(found: dict[str, Any]) -> float:
        top = sorted(found["sum"])
        return float(top[-1] - top[-2])

    assert lead(one) < lead(with_all)


def test_the_null_is_stated_as_the_quantile_that_it_is_and_symbols_mean_one_thing(visit: Visits) -> None:
    v = visit()
    assert "the value below which 95 % of such draws lie" in told(v, "section[aria-labelledby=t3]")
    formulas = json.loads((ASSETS / "formulas" / "formulas.json").read_text())
    logits = [name for name, f in formulas.items() if "L[a,b" in f["tex"]]
    assert logits == ["crossentropy", "vote"]
    assert not [name for name, f in formulas.items() if "L(" in f["tex"]]  # the loss is ℓ, L the logits

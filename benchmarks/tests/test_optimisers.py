"""The comparison of optimisers: equal budgets, halving, statistics with answers known by hand, figures."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.optimisers import page, report, table
from benchmarks.optimisers.methods import METHODS, N_DRAWS
from benchmarks.optimisers.outcomes import Outcome, read_outcomes
from benchmarks.optimisers.phases import PHASES, critical_decays, midpoint, phase_of
from benchmarks.optimisers.plan import (
    FINAL_SEEDS,
    TASKS,
    TUNING_SEEDS,
    Planned,
    afterwards,
    defaults,
    every_rung,
    finals,
    phase_diagram,
    rung,
)
from benchmarks.optimisers.run import best, make
from benchmarks.optimisers.statistics import bootstrap, compare, holm, survival
from grokking.sweep.executors import ExecutorConfig
from grokking.sweep.tables import csv_text

ONE = ExecutorConfig(jobs=1, threads=1)


def test_every_method_gets_the_same_budget_and_fresh_seeds() -> None:
    assert N_DRAWS >= 12
    assert len(TUNING_SEEDS) >= 3
    assert len(FINAL_SEEDS) >= 20
    assert not set(TUNING_SEEDS) & set(FINAL_SEEDS)
    for task in TASKS:
        for name, method in METHODS.items():
            runs = rung(task, name, range(N_DRAWS), 1000)
            assert len({run.name for run in runs}) == N_DRAWS * len(TUNING_SEEDS)
            for knob in method.knobs:
                assert len({str(draw[knob.field]) for draw in method.draws}) == N_DRAWS
    assert [n for _, n in every_rung()] == [6, 3, 1]


def test_more_than_a_thousand_runs_with_names_of_their_own() -> None:
    tuned = [run for task in TASKS for name in METHODS for run in rung(task, name, range(N_DRAWS), 1000)]
    chosen = finals("chosen", list(TASKS), {(task, name): 0 for task in TASKS for name in METHODS})
    names = [run.name for run in (*tuned, *chosen, *defaults(list(TASKS)))]
    assert len(set(names)) == len(names) > 1000
    assert len({run.name for run in phase_diagram()}) == len(phase_diagram()) >= 300


def test_the_seeds_are_outermost() -> None:
    runs = defaults(["add"])
    assert [run.method for run in runs[: len(METHODS)]] == list(METHODS)
    assert {run.config.seed for run in runs[: len(METHODS)]} == {FINAL_SEEDS[0]}


def outcome(index: int, grokking: int | None, accuracy: float = 0.5, **more: Any) -> Outcome:
    [run, *_] = rung("add", "adamw", [index], 1000)
    history = {"epochs": [0, 1000], "test_acc": [0.0, accuracy], "grokking_epoch": grokking}
    return Outcome(run, history | more)


def test_halving_takes_the_shortest_times_and_counts_what_diverged_with_its_budget() -> None:
    outcomes = [outcome(0, 900), outcome(0, None), outcome(1, 400), outcome(1, 800), outcome(2, None, 0.7)]
    outcomes += [outcome(3, None, 0.9), outcome(4, None, 0.1, diverged_epoch=20), outcome(5, 1500)]
    assert best(outcomes, 6) == [1, 0, 3, 2, 5, 4]
    assert [o.state for o in outcomes[-2:]] == ["diverged", "censored"]


def test_a_rung_ranks_runs_by_its_own_end_when_some_were_continued() -> None:
    early = [outcome(0, None, 0.7), outcome(1, None, 0.6), outcome(2, None, 0.2)]
    longer = {"epochs": [0, 1000, 2000], "test_acc": [0.0, 0.2, 1.0], "grokking_epoch": 1500}
    continued = Outcome(early[2].planned, longer)
    assert best([*early[:2], continued], 3) == best(early, 3) == [0, 1, 2]
    assert continued.last("test_acc") == 0.2
    assert continued.last("train_acc") is None


def test_runs_that_grokked_are_trained_on() -> None:
    chosen = [
        replace(o.planned, stage="chosen", config=replace(o.planned.config, seed=100))
        for o in [outcome(0, 1)]
    ]
    [longer] = afterwards([Outcome(run, {"epochs": [0], "grokking_epoch": 450}) for run in chosen])
    assert longer.config.n_epochs == 1500
    assert longer.name == chosen[0].name
    after = Outcome(
        chosen[0], {"epochs": [400, 500, 600], "test_acc": [0.9, 1.0, 0.4], "grokking_epoch": 450}
    )
    assert after.lowest_after == 0.4


def test_holm_by_hand() -> None:
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.5})
    assert found == pytest.approx({"a": 0.04, "c": 0.09, "b": 0.09, "d": 0.5})


def test_the_bootstrap_s_interval_holds_the_ratio() -> None:
    some, others = np.array([100.0, 120, 110, 90]), np.array([400.0, 440, 380, 420, 390])
    ratio, low, high, p = bootstrap(some, others)
    assert low < ratio == some.mean() / others.mean() < high < 1
    assert p < 0.001
    assert bootstrap(others, others)[3] > 0.9


def row(**values: Any) -> dict[str, Any]:
    usual = dict.fromkeys(table.HEADER)
    known = {
        "stage": "default",
        "method": "adamw",
        "index": -1,
        "task": "add",
        "p": 59,
        "train_frac": 0.5,
        "seed": 100,
    }
    known |= {"n_epochs": 4000, "state": "grokked", "time": 1000, "epochs": 1200, "weight_norm": 30.0}
    known |= {
        "grokking_epoch": 1000,
        "memorisation_epoch": 200,
        "weight_decay": 1.0,
        "key_frequencies": "4 15",
    }
    return usual | known | values


NEVER = {"state": "censored", "time": 4000, "grokking_epoch": None}


def test_runs_that_never_grok_stay_in() -> None:
    rows = [row(time=t) for t in (1000, 2000, 3000)] + [row(**NEVER)]
    [one] = compare({"adamw": rows}, rows)
    assert (one.n, one.grokked, one.mean, one.keys) == (4, 3, 2500, 2)
    assert one.median.value == 2500  # the curve lies at one half between the second time and the third
    at, left = survival(rows)
    assert at.tolist() == [0, 1000, 2000, 3000, 4000]
    assert left.tolist() == [1, 0.75, 0.5, 0.25, 0.25]


def test_phases_by_hand() -> None:
    rows = [row(memorisation_epoch=900), row(), row(**NEVER), row(**NEVER, memorisation_epoch=None)]
    assert [phase_of(one) for one in rows] == list(PHASES)


def test_the_critical_decay_is_where_half_generalise() -> None:
    x = np.log(np.repeat([0.01, 0.03, 0.1, 0.3], 20))
    y = np.concatenate([np.arange(20) < n for n in (0, 5, 15, 20)]).astype(float)
    assert np.exp(midpoint(x, y)) == pytest.approx(0.03**0.5 * 0.1**0.5, rel=0.05)
    rows = [
        row(weight_decay=d, **({} if d > 0.05 else NEVER))
        for d in (0.0, 0.01, 0.03, 0.1, 0.3)
        for _ in range(9)
    ]
    [one] = critical_decays(rows)
    assert one.n == 36
    assert 0.03 <= one.low <= one.value <= one.high <= 0.1


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A table with something for every figure."""
    rows = [
        row(stage=stage, task=task, method=name, seed=seed, time=500 + 10 * seed, index=index)
        for stage, index in (("default", -1), ("chosen", 3), ("tuning", 3), ("tuning", 4))
        for task in TASKS
        for name in ("adamw", "muon")
        for seed in (100, 101)
    ]
    rows += [row(stage="phase", weight_decay=d, **({} if d else NEVER)) for d in (0.0, 0.1, 1.0)]
    path = tmp_path / "runs.csv"
    path.write_text(csv_text(table.HEADER, [[one[name] for name in table.HEADER] for one in rows]))
    return path


def test_the_table_alone_gives_every_table_and_figure(written: Path, tmp_path: Path) -> None:
    rows = table.read_table(written)
    assert rows[0] == row(index=-1, time=1500)
    costs = {"adamw": 1.0, "muon": 2.0}
    text = "\n".join(report.sections(rows, costs))
    assert all(
        f"## {task}, {stage}" in text for task in TASKS for stage in ("chosen", "default", "sensitivity")
    )
    assert "| published | – | 0.0158 (0.0109 – 0.02) |" in text
    drawn = report.draw(rows, costs, tmp_path)
    assert {path.name for path in drawn} == {
        *(f"{what}_{task}.png" for what in ("seconds", "circuits", "sensitivity") for task in TASKS),
        *("survival.png", "phase_diagram.png"),
    }
    assert all(path.stat().st_size > 1000 for path in drawn)


@pytest.mark.slow
def test_runs_are_made_once_and_one_that_diverges_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def short(run: Planned, **changes: Any) -> Planned:
        return replace(run, config=replace(run.config, n_epochs=20, log_every=10, **changes))

    first = defaults(["add"])[0]
    runs = [short(first), short(first, lr=1e30)]
    make(runs, tmp_path, ONE)
    assert "counted as diverged" in capsys.readouterr().err
    states = [one.state for one in read_outcomes(runs, tmp_path)]
    assert states == ["censored", "diverged"]
    before = snapshot(tmp_path)
    make(runs, tmp_path, ONE)
    assert snapshot(tmp_path) == before
    assert len(table.row(read_outcomes(runs, tmp_path)[0])) == len(table.HEADER)


def snapshot(folder: Path) -> dict[str, int]:
    stamp: Callable[[Path], int] = lambda path: path.stat().st_mtime_ns  # noqa: E731
    return {str(path): stamp(path) for path in folder.rglob("*.json")}


def test_the_page_says_what_is_faster_and_what_is_missing(written: Path, tmp_path: Path) -> None:
    rows = table.read_table(written)
    text = page.page(rows, {}, tmp_path)
    assert "Not answered yet: too few methods have 5 seeds." in text
    assert "default 4 of 440" not in text
    assert "default 8 of 440" in text
    more = [
        row(method=name, seed=100 + i, time=t + i)
        for name, t in (("adamw", 2000), ("muon", 500))
        for i in range(9)
    ]
    more += [row(method="lion", seed=100 + i, **NEVER) for i in range(9)]
    said = page.answer(more)
    assert "On `add`, with the methods at the defaults of their sources (n = 9 seeds each)" in said
    assert "faster than AdamW: `muon` (× 0.25" in said
    assert "slower: `lion` (× 2.00" in said

"""Co-grokking from runs whose epochs are written down: gaps, chances and censoring are known by hand."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.storage.run_directory import RunDirectory
from grokking.sweep.cogrokking import Comparison, comparisons
from grokking.sweep.cogrokking_report import write_cogrokking
from grokking.sweep.collect_results import gather
from grokking.sweep.grid import run_name
from grokking.sweep.permutation_tests import (
    against_independent,
    against_other_runs,
    independent_median,
    joint_median,
    orders,
)
from grokking.sweep.statistics import Gap, gap, quick_median, survival_median

BASE = RunConfig(p=23, train_frac=0.6, n_epochs=5000)
Epochs = list[int | None]


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """folder(add=[…], mul=[…], joint=[(…, …)]) holds a run per entry, seeds counting up."""

    def write(config: RunConfig, epochs: dict[str, int | None], trained: int) -> None:
        directory = RunDirectory(tmp_path / "sweep" / run_name(config))
        directory.create(config, {"command": ["grokking", "sweep"]})
        ends = {name: f"_{name}" if len(epochs) > 1 else "" for name in epochs}
        record = {f"grokking_epoch{end}": epochs[name] for name, end in ends.items()}
        ended = {name: 0.6 if epoch is None else 1.0 for name, epoch in epochs.items()}
        record |= {f"test_acc{end}": [0.1, ended[name]] for name, end in ends.items()}
        whole = None if None in epochs.values() else max(map(int, filter(None, epochs.values())))
        directory.write_history(
            {
                "config": config.as_dict(),
                "grokking_epoch": whole,
                "memorisation_epoch": 5,
                "epochs": [0, trained],
                "train_acc": [0.0, 1.0],
                **record,
            }
        )

    def make(
        add: Epochs,
        mul: Epochs,
        joint: list[tuple[int | None, int | None]],
        trained: int = 5000,
        **changes: object,
    ) -> Path:
        for name, alone in (("add", add), ("mul", mul)):
            for seed, epoch in enumerate(alone):
                write(replace(BASE, task=name, seed=seed), {name: epoch}, trained)
        for seed, (a, b) in enumerate(joint):
            write(replace(BASE, task="add,mul", seed=seed, **changes), {"add": a, "mul": b}, trained)
        return tmp_path / "sweep"

    return make


def compared(folder: Path) -> Comparison:
    (found,) = comparisons(gather(folder).results)
    return found


def test_gaps_by_hand() -> None:
    assert gap((1000, 5000), (1500, 5000)) == gap((1500, 9), (1000, 9)) == Gap(500, 1.5, True)
    assert gap((1000, 5000), (None, 4000)) == gap((None, 4000), (1000, 5000)) == Gap(3000, 4.0, False)
    assert gap((None, 5000), (None, 5000)) == Gap(0, 1, False)
    assert gap((4500, 5000), (None, 4000)) == Gap(0, 1, False)  # the other was not watched for that long
    assert gap((0, 50), (20, 50)) == Gap(19, 20, True)


def test_medians_know_of_lower_bounds() -> None:
    def median(*gaps: tuple[float, bool]) -> float | None:
        times, observed = zip(*gaps, strict=True)
        return quick_median(np.array(times, dtype=float), np.array(observed))

    assert median((100, True), (200, True)) == 150
    # Kaplan–Meier: 50 leaves the risk set first, then 1/3 dies at 100 and half of the rest at 200.
    assert median((100, True), (200, True), (50, False), (900, False)) == 200
    assert median((50, False), (900, False)) is None


def test_quick_medians_are_the_slow_ones() -> None:
    rng = np.random.default_rng(0)
    for n in [*range(1, 12)] * 3:
        times, observed = rng.integers(1, 8, size=n) * 10.0, rng.random(n) < 0.6
        assert quick_median(times, observed) == survival_median(times, observed).value


@pytest.mark.slow
def test_what_groks_together_is_told_from_what_does_not(folder: Callable) -> None:
    alone = {"add": [500, 900, 1500, 2500, 4000], "mul": [400, 800, 1600, 2600, 3900]}
    together = compared(folder(**alone, joint=[(e, e + 20) for e in (600, 1000, 1700, 2400, 4100)]))
    assert joint_median(together, "epochs").value == 20
    assert independent_median(together, "epochs").value == 1100
    assert against_independent(together, "epochs").chance < 0.01
    assert against_independent(together, "fold").chance < 0.01
    other = against_other_runs(together)
    assert (other.value, other.chance) == (1, 1 / 120)  # the own pairing agrees most of 5!


def test_independent_operations_are_not_called_together(folder: Callable) -> None:
    alone = {"add": [500, 900, 1500, 2500, 4000], "mul": [400, 800, 1600, 2600, 3900]}
    pairs = [(500, 1600), (900, 3900), (1500, 400), (2500, 2600), (4000, 800)]
    apart = compared(folder(**alone, joint=pairs))
    assert against_independent(apart, "epochs").chance > 0.3
    assert against_other_runs(apart).chance > 0.5


def test_equal_paces_alone_explain_a_small_gap(folder: Callable) -> None:
    """If both operations always need the same time, gaps are small with no connection at all."""
    c = compared(folder([1000, 1010, 990], [1005, 995, 1000], [(1000, 1010), (1005, 995), (990, 1000)]))
    assert joint_median(c, "epochs").value == 10
    assert against_independent(c, "epochs").chance > 0.5


def test_fold_does_not_mind_a_slower_pace(folder: Callable) -> None:
    alone = {"add": [500, 900, 1500], "mul": [1000, 1800, 3000]}
    slow = compared(folder(**alone, joint=[(1000, 1200), (1800, 2000), (3000, 3300)]))
    assert joint_median(slow, "epochs").value == 200
    assert joint_median(slow, "fold").value == pytest.approx(3300 / 3000, rel=0.02)
    assert independent_median(slow, "fold").value == 2


def test_censored_runs_count(folder: Callable) -> None:
    c = compared(folder([500, None, 600], [400, 450, 500], [(900, None), (None, None), (1000, 1010)]))
    assert [g.observed for g in c.gaps] == [False, False, True]
    assert [g.epochs for g in c.gaps] == [4100, 0, 10]
    assert len(c.both) == 1
    assert against_independent(c, "epochs") is None  # most joint gaps are not known
    assert independent_median(c, "epochs").n_observed == 6


def test_one_run_of_a_kind_is_told_and_not_judged(folder: Callable) -> None:
    path = folder([500], [400], [(900, 910), (1000, 1020), (1100, 1105)])
    assert against_independent(compared(path), "epochs") is None
    assert "| gap, epochs | 10 | 100 | – | – |" in write_cogrokking(path).read_text()


def test_joint_runs_without_single_ones_are_named(folder: Callable) -> None:
    folder([500, 600], [400, 500], [(700, 710)])
    path = folder([], [], [(9000, None)], train_frac=0.3)
    text = write_cogrokking(path).read_text()
    assert "shared tokens, train_frac 0.6" in text
    assert "Not compared, since no runs with the same settings" in text
    (left_out,) = (line for line in text.splitlines() if line.startswith("Not compared"))
    assert "train_frac=0.3_seed=0" in left_out


@pytest.mark.slow
def test_runs_that_never_grokked_speak_for_togetherness_too(folder: Callable) -> None:
    """The p = 59 sweep's epochs: the two runs that grokked in neither are the latest in both."""
    joint = [(1150, 1300), (3390, 3000), (None, None), (1250, 2260), (1660, 2150), (None, None)]
    c = compared(folder([500, 510, 520], [400, 410, 420], joint, trained=4000))
    other = against_other_runs(c)
    assert other.chance == pytest.approx(8 / 720)
    # Of 15 pairs one is not ordered (both censored); 1250, 2260 against 1660, 2150 is the one that disagrees.
    assert other.value == pytest.approx((13 - 1) / 15)
    tested = against_independent(c, "fold")
    assert tested.value == pytest.approx((2150 / 1660 + 2260 / 1250) / 2)  # two of six count as endless
    assert f"(of {tested.value:.2f})" in write_cogrokking(folder([], [], [], trained=4000)).read_text()


def test_orders_by_hand() -> None:
    later = orders([(10, 50), (20, 50), (None, 15), (20, 50), (None, 9)])
    assert later.tolist() == [
        [0, -1, -1, -1, 0],
        [1, 0, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ]


def test_nothing_in_order_is_no_test(folder: Callable) -> None:
    assert against_other_runs(compared(folder([500], [400], [(900, 900)]))) is None
    assert against_other_runs(compared(folder([500], [400], [(None, None)] * 3))) is None


def test_bootstrap_intervals_hold_the_median_and_say_what_is_not_reached(folder: Callable) -> None:
    gaps = [10, 30, 50, 70, 90]
    m = joint_median(compared(folder([500], [400], [(1000, 1000 + g) for g in gaps])), "epochs")
    assert m.value == 50
    assert m.low in gaps
    assert m.low <= 30
    assert m.high >= 70
    again = joint_median(compared(folder([500], [400], [(1000, 1000 + g) for g in gaps])), "epochs")
    assert m == again
    half = joint_median(compared(folder([500], [400], [(1000, 1010), (1000, None), (1000, 1020)])), "epochs")
    assert half.high is None


def test_tokens_and_recipes_are_kept_apart(folder: Callable) -> None:
    folder([500, 600], [400, 500], [(700, 710), (800, 820)])
    path = folder([], [], [(700, 900), (800, 1500)], operand_tokens="separate")
    folder([], [], [(700, 900)], weight_decay=3.0)  # no single runs of that recipe
    shared, separate = comparisons(gather(path).results)
    assert [(c.tokens, [g.epochs for g in c.gaps]) for c in (shared, separate)] == [
        ("shared", [10, 20]),
        ("separate", [200, 700]),
    ]
    assert separate.alone == shared.alone


def test_the_report(folder: Callable) -> None:
    folder([500, 600], [400, None], [(700, 710), (800, None), (None, None)])
    path = folder([], [], [(700, 900), (800, 1500)], operand_tokens="separate")
    written = write_cogrokking(path, command=["grokking", "report", "SWEEP", "--cogrokking"])
    text = written.read_text()
    assert written == path / "report" / "cogrokking.md"
    assert "1 both, 1 one, 1 neither" in text
    assert "add,mul, separate tokens" in text
    assert "| add,mul, shared tokens | 0 | 5000 | 700 | 710 | 10 | add 1.000, mul 1.000 |" in text
    assert "add 0.600, mul 0.600" in text  # what stayed at commutativity is seen
    assert "this report: `grokking report SWEEP --cogrokking`" in text
    rows = list(csv.DictReader((path / "report" / "cogrokking.csv").read_text().splitlines()))
    assert [(r["operand_tokens"], r["first_epoch"], r["second_epoch"], r["gap"]) for r in rows] == [
        ("shared", "700", "710", "10"),
        ("shared", "800", "", ""),
        ("shared", "", "", ""),
        ("separate", "700", "900", "200"),
        ("separate", "800", "1500", "700"),
    ]
    assert (path / "report" / "cogrokking.png").stat().st_size > 10_000


def test_joint_and_single_runs_of_other_recipes_are_told_apart(folder: Callable) -> None:
    for seed, task in enumerate(("add", "mul")):
        config = replace(BASE, task=task, train_frac=0.3, seed=seed)
        directory = RunDirectory(folder([], [], [(700, 710)]) / run_name(config))
        directory.create(config, {"command": ["grokking", "sweep"]})
        directory.write_history(
            {
                "config": config.as_dict(),
                "grokking_epoch": 500,
                "epochs": [0, 600],
                "train_acc": [0.0, 1.0],
                "test_acc": [0.0, 1.0],
            }
        )
    with pytest.raises(UserError, match="the runs here differ in train_frac"):
        comparisons(gather(directory.path.parent).results)


def test_a_folder_without_joint_runs(folder: Callable, script: Callable) -> None:
    path = folder([500], [400], [])
    with pytest.raises(UserError, match="no runs to compare: co-grokking needs"):
        comparisons(gather(path).results)
    script("report", path, "--cogrokking").assert_refused("grokking sweep --task add mul add,mul")
    assert not (path / "report").exists()


def test_many_runs_are_paired_by_seeded_draws(folder: Callable) -> None:
    epochs = np.geomspace(300, 4000, 9).astype(int).tolist()
    c = compared(folder([500], [400], [(e, e + 5) for e in epochs]))
    assert against_other_runs(c).chance == pytest.approx(1 / 5040)


def test_a_sweep_that_still_runs_is_said_so(folder: Callable) -> None:
    path = folder([500], [400], [(700, 710), (None, None)], trained=800)
    assert "1 both, 0 one, 1 neither (1 not over yet)" in write_cogrokking(path).read_text()

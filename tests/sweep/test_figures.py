"""A sweep's figures, held by their geometry: what overlaps, what lies where, which colour means what."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, islice, pairwise, permutations, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from grokking.config import RunConfig
from grokking.drawing import static_figure as figures
from grokking.drawing.static_figure import label_log_epochs, text_width, wrapped
from grokking.metrics.phases import Phases
from grokking.sweep.collect_results import Result, cells, varying_fields
from grokking.sweep.grokking_time_figure import draw_grokking_time
from grokking.sweep.measured import Measured
from grokking.sweep.phase_curves_figure import Column, choose, draw_phase_curves, titles
from grokking.sweep.phase_diagram_figure import WIDTH, _map, contrast, draw_phase_diagram
from grokking.sweep.statistics import CellStatistics, cell_statistics

CONFIG = RunConfig(p=59, n_epochs=9000)
LONG = "add,sub,mul,div,x2+y2,x3+xy"


def reordered(task: str, n: int) -> list[str]:
    """The task with its operations in n different orders: as many tasks, with names of one length."""
    return [",".join(order) for order in islice(permutations(task.split(",")), n)]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures drawn, laid out but not written."""
    found: list[Figure] = []

    def keep(figure: Figure, output: Path) -> None:
        figure.draw_without_rendering()
        found.append(figure)

    monkeypatch.setattr(figures, "save_figure", keep)
    return found


def result(grokked: int | None = 3000, **fields: Any) -> Result:
    return Result(Path("run"), replace(CONFIG, **fields), grokked, 100, 9000)


def summed(results: Sequence[Result]) -> tuple[list[CellStatistics], list[str]]:
    by = varying_fields(results)
    return [cell_statistics(cell) for cell in cells(results, by)], by


def boxes(figure: Figure) -> list[tuple[str, Bbox]]:
    """Every text that is drawn, with the pixels it covers."""
    texts = {t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip()}
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            texts -= {
                label for tick in (*axis.majorTicks, *axis.minorTicks) for label in (tick.label1, tick.label2)
            }
            if not ax.axison:
                texts -= {axis.label}
                continue
            low, high = sorted(axis.get_view_interval())
            texts |= {
                tick.label1
                for tick in axis.get_major_ticks()
                if tick.label1.get_visible() and low <= tick.get_loc() <= high
            }
    return [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text().strip()]


def check(figure: Figure) -> None:
    found = boxes(figure)
    for text, box in found:
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1, text
    for (text, box), (other, beside) in combinations(found, 2):
        assert not box.padded(-1).overlaps(beside.padded(-1)), (text, other)


# Grokking time


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 8, 16])
def test_panels_can_be_told_apart(n: int, kept: list[Figure], tmp_path: Path) -> None:
    fields = list(product(("relu", "gelu"), ("shared", "separate"), (0.5, 1.0), (1e-3, 0.00123456)))[:n]
    results = [
        result(task="add,mul", train_frac=f, activation=a, operand_tokens=o, weight_decay=w, lr=lr)
        for f in (0.3, 0.5)
        for a, o, w, lr in fields
    ]
    draw_grokking_time(*summed(results), tmp_path / "x.png")
    (figure,) = kept
    panels = [ax for ax in figure.axes if ax.axison]
    assert len(panels) == n
    assert len({ax.get_title() for ax in panels}) == n
    check(figure)


@pytest.mark.slow
def test_the_longest_value_fits_its_panel(kept: list[Figure], tmp_path: Path) -> None:
    tasks = [LONG, "add", "mul"]
    draw_grokking_time(
        *summed([result(train_frac=f, task=t) for f in (0.3, 0.5) for t in tasks]), tmp_path / "x.png"
    )
    check(kept[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    "tasks, turned",
    [
        (["add", "mul"], 0),
        (["add", "sub", "mul", "div", "add,mul", "add,sub,mul,div"], 0),
        (reordered("sub,mul,div,x2+y2", 12), 90),
        (reordered(LONG, 40), 90),
    ],
)
@pytest.mark.parametrize("decays", [1, 3, 4])
def test_categories_can_be_read(
    tasks: list[str], turned: int, decays: int, kept: list[Figure], tmp_path: Path
) -> None:
    results = [result(task=t, weight_decay=float(w)) for t in tasks for w in range(decays)]
    by = ["task", "weight_decay"][: 1 + (decays > 1)]
    draw_grokking_time([cell_statistics(c) for c in cells(results, by)], by, tmp_path / "x.png")
    labels = kept[0].axes[decays - 1].get_xticklabels()
    assert {label.get_rotation() for label in labels} == {turned}
    assert [label.get_text().replace("\n", "") for label in labels] == sorted(tasks)
    check(kept[0])


@pytest.mark.parametrize(
    "field, values, whole",
    [
        ("n_heads", (2, 4), True),
        ("train_frac", (0.3, 0.5), False),
    ],
)
def test_whole_numbers_have_whole_ticks(
    field: str, values: tuple[float, ...], whole: bool, kept: list[Figure], tmp_path: Path
) -> None:
    draw_grokking_time(*summed([result(**{field: v}) for v in values]), tmp_path / "x.png")
    assert all(float(at).is_integer() for at in kept[0].axes[0].get_xticks()) == whole


def test_a_category_lies_at_its_name_in_every_panel(kept: list[Figure], tmp_path: Path) -> None:
    results = [
        result(task="add", train_frac=0.3),
        result(task="mul", train_frac=0.3),
        result(4000, task="mul", train_frac=0.5),
    ]
    draw_grokking_time(
        [cell_statistics(c) for c in cells(results, ["task", "train_frac"])],
        ["task", "train_frac"],
        tmp_path / "x.png",
    )
    ax = kept[0].axes[1]
    (at,) = {x for line in ax.lines for x in np.atleast_1d(line.get_xdata())}
    names = dict(zip(ax.get_xticks(), [t.get_text() for t in ax.get_xticklabels()], strict=True))
    assert names[at] == "mul"


@pytest.mark.parametrize("seeds", [1, 2, 30, 100])
@pytest.mark.parametrize("values", [(0.3, 0.35, 0.4, 0.45, 0.5), (0.3, 0.31, 0.9)])
def test_runs_stay_in_their_cell(
    seeds: int, values: tuple[float, ...], kept: list[Figure], tmp_path: Path
) -> None:
    epochs = {f: 1000 * (i + 1) for i, f in enumerate(values)}
    results = [result(epochs[f], train_frac=f, seed=s) for f in values for s in range(seeds)]
    draw_grokking_time(*summed(results), tmp_path / "x.png")
    middles = [-np.inf, *((a + b) / 2 for a, b in pairwise(values)), np.inf]
    marks = [line for line in kept[0].axes[0].lines if line.get_marker() == "o"]
    xs = {y: x for line in marks for x, y in [(np.array(line.get_xdata()), int(line.get_ydata()[0]))]}
    for i, f in enumerate(values):
        x = xs[epochs[f]]
        assert len(np.unique(x)) == seeds
        assert x.mean() == pytest.approx(f)
        assert middles[i] < x.min()
        assert x.max() < middles[i + 1]


@pytest.mark.parametrize("text", [LONG * 4, "one = two three, four", "W" * 50])
def test_wrapped_lines_are_narrow_and_lose_nothing(text: str) -> None:
    lines = wrapped(text, 60, 9).split("\n")
    assert max(text_width(line, 9) for line in lines) <= 60
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


# The map


def drawn_map(medians: Sequence[int | None], kept: list[Figure], tmp_path: Path, n: int = 2) -> Figure:
    places = product(np.linspace(0.3, 0.9, n).round(3).tolist(), [float(w) for w in range(n)])
    draw_phase_diagram(
        *summed([result(m, train_frac=f, weight_decay=w) for m, (f, w) in zip(medians, places, strict=True)]),
        tmp_path / "x.png",
    )
    return kept[0]


def faces(figure: Figure) -> list[str]:
    return [to_hex(p.get_facecolor()) for p in figure.axes[0].patches if isinstance(p, Rectangle)]


def test_one_median_lies_inside_its_scale(kept: list[Figure], tmp_path: Path) -> None:
    figure = drawn_map([None, None, 4000, 4000], kept, tmp_path)
    low, high = figure.axes[1].get_ylim()
    assert (low, high) == pytest.approx((2000, 8000))
    assert faces(figure)[2:] == [to_hex(_map()(0.5))] * 2
    check(figure)


def test_colours_are_those_of_the_scale(kept: list[Figure], tmp_path: Path) -> None:
    medians = [500, 1000, 4000, 8000]
    figure = drawn_map(medians, kept, tmp_path)
    low, high = figure.axes[1].get_ylim()
    share = np.log(np.array(medians) / low) / np.log(high / low)
    np.testing.assert_allclose([to_rgb(face) for face in faces(figure)], _map()(share)[:, :3], atol=0.02)


def test_no_scale_of_nothing(kept: list[Figure], tmp_path: Path) -> None:
    figure = drawn_map([None] * 4, kept, tmp_path)
    assert len(figure.axes) == 1
    assert {text.get_text() for text in figure.axes[0].texts} == {"0 / 1"}


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 4, 9])
def test_medians_are_written_where_they_can_be_read(n: int, kept: list[Figure], tmp_path: Path) -> None:
    medians = [round(10 ** (2 + 2 * i / n**2)) for i in range(n * n)]
    figure = drawn_map(medians, kept, tmp_path, n)
    ax = figure.axes[0]
    wide = WIDTH * float(np.ptp(ax.transData.transform([(0, 0), (1, 0)])[:, 0]))
    for text, face, median in zip(ax.texts, faces(figure), medians, strict=True):
        assert text.get_text() == f"epoch {median}\n1 / 1"
        assert text.get_window_extent().width < wide
        assert contrast(text.get_color(), face) > 3.5


# Curves


def measured(n: int, grokked: Sequence[int]) -> list[Measured]:
    return [Measured(result(seed=i), None, 50, 500 if i in grokked else None, Phases(), {}) for i in range(n)]


@pytest.mark.parametrize(
    "n, grokked, seeds",
    [
        (5, [1], [0, 1, 2, 3, 4]),
        (8, [7], [0, 2, 3, 4, 6, 7]),
        (8, [], [0, 1, 3, 4, 6, 7]),
        (8, range(8), [0, 1, 3, 4, 6, 7]),
        (12, range(2, 12), [0, 2, 4, 6, 9, 11]),
        (7, range(6), [0, 1, 2, 4, 5, 6]),
    ],
)
def test_which_runs_are_drawn(n: int, grokked: Sequence[int], seeds: list[int]) -> None:
    chosen = [m.result.config.seed for m in choose(measured(n, grokked))]
    assert chosen[-1] == seeds[-1]
    assert len(chosen) == min(n, 6) == len(set(chosen))
    assert chosen == seeds


def test_titles_tell_runs_apart() -> None:
    joint = Measured(result(task="add,mul", p=13), "add", 50, 500, Phases(), {})
    alone = Measured(result(task="add", p=13, weight_decay=2.0), None, 50, 500, Phases(), {})
    again = Measured(replace(alone.result, path=Path("longer")), None, 50, 500, Phases(), {})
    found = titles([joint, alone, again], ["task", "weight_decay"])
    assert found[0] == "add of add,mul mod 13, 0.3 trained, seed 0\nweight_decay = 1"
    assert found[1] == "add mod 13, 0.3 trained, seed 0\nweight_decay = 2\nrun"
    assert len(set(found)) == 3


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 6])
def test_titles_of_curves_do_not_overlap(n: int, kept: list[Figure], tmp_path: Path) -> None:
    history = {
        "epochs": [0, 9000],
        "train_loss": [1.0, 0.1],
        "train_acc": [0.0, 1.0],
        "gini": [0.1, 0.9],
        "weight_norm": [9.0, 5.0],
    }
    title = f"x3+xy of {LONG} mod 113, 0.3 trained, seed 0\noperand_tokens = separate, weight_decay = 0.5"
    draw_phase_curves([Column(title, history, {}, Phases())] * n, tmp_path / "x.png")
    found = [ax.title for ax in kept[0].axes if ax.get_title()]
    assert len(found) == n
    extents = [t.get_window_extent() for t in found]
    assert not any(a.overlaps(b) for a, b in combinations(extents, 2))
    assert all(0 <= e.x0 <= e.x1 <= kept[0].bbox.x1 and e.y1 <= kept[0].bbox.y1 for e in extents)
    assert kept[0].get_size_inches()[0] < 9  # legible inside a page, however many runs there are


def test_a_curve_is_named_though_the_last_run_lacks_it(kept: list[Figure], tmp_path: Path) -> None:
    history = {
        "epochs": [0, 9000],
        "train_loss": [1.0, 0.1],
        "train_acc": [0.0, 1.0],
        "gini": [0.1, 0.9],
        "weight_norm": [9.0, 5.0],
    }
    progress = {"epochs": [0, 9000], "restricted_loss": [4.0, 0.1], "excluded_loss": [4.0, 7.0]}
    columns = [Column("groks", history, progress, Phases()), Column("never", history, {}, Phases())]
    draw_phase_curves(columns, tmp_path / "x.png")
    legend = next(ax.get_legend() for ax in kept[0].axes if ax.get_legend() is not None)
    names = [text.get_text() for text in legend.get_texts()]
    assert len(names) == len(set(names)) == 3
    assert any(name.startswith("restricted") for name in names)
    assert any(name.startswith("excluded") for name in names)
    places = [ax.get_window_extent() for ax in kept[0].axes]
    assert max(p.width for p in places) - min(p.width for p in places) < 1  # however long the names are
    boxes = [ax.get_legend().get_window_extent() for ax in kept[0].axes if ax.get_legend() is not None]
    assert not any(box.overlaps(place) for box in boxes for place in places)


@pytest.mark.parametrize(
    "low, high, labels",
    [
        (150, 8000, {"200", "500", "1,000", "2,000", "5,000"}),
        (1, 40000, {"1", "10", "100", "1,000", "10,000"}),
    ],
)
def test_epochs_are_whole_numbers_and_few(low: float, high: float, labels: set[str], tmp_path: Path) -> None:
    with figures.figure_for(tmp_path / "x.png", 1, 1, (5, 5)) as (figure, axes):
        ax = axes[0, 0]
        ax.set(xscale="log", xlim=(low, high))
        label_log_epochs(ax.xaxis, low, high)
        figure.draw_without_rendering()
        ticks = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
        assert {label.get_text() for at, label in ticks if low <= at <= high} == labels
        assert not any(label.get_text() for label in ax.get_xticklabels(minor=True))

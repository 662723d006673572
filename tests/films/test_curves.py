"""Curves of runs side by side: every line is named, whatever its operation."""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

from grokking.drawing.static_figure import require_picture
from grokking.errors import UserError
from grokking.figures.comparison import draw_panel
from grokking.metrics.registry import METRICS
from grokking.runs.run import Run


@pytest.mark.parametrize(
    "task, names",
    [
        ("add", {"measured", "95 % of shuffles"}),
        ("add,mul", {f"{what}, {op}" for what in ("measured", "95 % of shuffles") for op in ("add", "mul")}),
    ],
)
def test_each_line_has_its_own_name(task: str, names: set[str], train: Callable[[int, str], Path]) -> None:
    run = Run(train(11, task))
    figure, ax = plt.subplots()
    draw_panel(ax, run, METRICS.get("fourier_strength").curves[0])
    drawn = {str(line.get_label()): line.get_linestyle() for line in ax.get_lines()}
    plt.close(figure)
    assert set(drawn) == names
    assert len({drawn[name] for name in names}) == len(names) // 2


@pytest.mark.parametrize("name", ["folder", "x.xyz"])
def test_what_no_picture_can_be_written_to_is_refused_before(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"accepted: a file that ends in .*\.png"):
        require_picture(tmp_path / name)


@pytest.mark.parametrize("name", ["x.png", "x.PDF", "x", "absent/x.svg"])
def test_a_picture_may_be_written(name: str, tmp_path: Path) -> None:
    require_picture(tmp_path / name)

"""The one-page figure of an audit: everything drawn comes from the record in ``audit.json``."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from grokking.audit import panels
from grokking.audit.verdict import CIRCUIT, MEMORISING, MIXED, NOTHING, UNASKED
from grokking.config import RunConfig
from grokking.drawing.static_figure import save_figure
from grokking.drawing.style import Style
from grokking.tasks import modulus_text

SIZE, DPI = (12.0, 15.5), 110
HEADING = Bbox([[0.0, 14.0], [12.0, 15.5]])
"""All there is to show where nothing was checked, as for a group that is not cyclic."""
MEANING = {CIRCUIT: "samples", MIXED: "sine", MEMORISING: "test", NOTHING: "muted"}
BLOCKS = "blocks"
"""Labels of the blocks by number, in the record of a group that is not cyclic."""
Record = dict[str, Any]


def draw_page(record: Record, operation: str, output: Path) -> Path:
    """Draw one operation of an audit; returns ``output``.

    Raises UserError where the picture cannot be written.
    """
    audited = record["operations"][operation]
    style = Style()
    with style.context():
        figure = Figure(figsize=SIZE)
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            4,
            2,
            left=0.08,
            right=0.97,
            top=0.885,
            bottom=0.03,
            hspace=0.42,
            wspace=0.22,
            height_ratios=(1, 1, 1, 0.9),
        )
        _title(figure, record, operation, audited, style)
        checks = {check["name"]: check for check in audited["checks"]}
        if checks:
            panels.accuracies(figure.add_subplot(grid[0, 0]), checks, style)
            panels.spectrum(figure.add_subplot(grid[1, 1]), audited, style)
            if UNASKED in audited:
                panels.unasked(figure.add_subplot(grid[0, 1]), audited[UNASKED], style)
            else:
                panels.neurons(figure.add_subplot(grid[0, 1]), checks, style)
                panels.cross_talk(figure.add_subplot(grid[1, 0]), checks["cross-talk"], style)
                panels.slopes(figure.add_subplot(grid[2, 0]), checks, style)
                panels.robustness(figure.add_subplot(grid[2, 1]), checks["robustness"], style)
            _table(figure.add_subplot(grid[3, :]), audited["checks"], style)
        if BLOCKS in audited:
            panels.speak_of_blocks(figure, audited[BLOCKS])
        return save(figure, output, None if checks else HEADING)


def save(figure: Figure, output: Path, part: Bbox | None = None) -> Path:
    """Write a picture, or a part of it in inches; raises UserError where that fails."""
    return save_figure(figure, output, DPI, metadata={"Software": None}, bbox_inches=part)


def _title(figure: Figure, record: Record, operation: str, audited: Record, style: Style) -> None:
    c, verdict = record["config"], audited["verdict"]
    figure.text(
        0.04, 0.965, f"Verdict: {verdict}", fontsize=24, weight="bold", color=style.colour[MEANING[verdict]]
    )
    name = "key_blocks" if BLOCKS in audited else "key_frequencies"
    keys = ", ".join(map(str, audited[name])) or "none"
    known = record.get("behaviour", {})
    behaviour = ", ".join(
        f"{name.replace('_', ' ')} {known[name]:.4g}"
        for name in ("all_acc", "train_acc", "test_acc")
        if name in known
    )
    how = ", ".join(RunConfig.from_dict(c).in_words("seed", "train_frac", "weight_decay"))
    figure.text(
        0.04,
        0.942,
        f"{operation}{modulus_text(c)}, epoch {record['epoch']}, {how}    {behaviour}",
        fontsize=12,
    )
    figure.text(
        0.04,
        0.923,
        audited.get("why") or f"{name.replace('_', ' ')}, most neurons first: {keys}",
        fontsize=12,
        color=style.colour["muted"],
    )


def _table(ax: Axes, checks: list[Record], style: Style) -> None:
    ax.set_axis_off()
    columns = (0.0, 0.13, 0.585, 0.66, 0.735, 0.825)
    rows = [("check", "question", "value", "null", "threshold", "verdict")]
    numbers = ("value", "null", "threshold")
    rows += [(c["name"], c["question"], *(_number(c[key]) for key in numbers), c["verdict"]) for c in checks]
    for i, row in enumerate(rows):
        for x, text in zip(columns, row, strict=True):
            ax.text(
                x,
                1 - i / len(rows),
                text,
                transform=ax.transAxes,
                va="top",
                fontsize=9.5,
                weight="bold" if i == 0 else "normal",
                color=style.colour["muted" if i == 0 else "ink"],
            )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3g}"

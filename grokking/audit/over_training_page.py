"""The figure of an audit over training: both auditors' verdicts against test accuracy."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from grokking.audit.over_training import ROBUSTNESS
from grokking.audit.report_page import MEANING, save
from grokking.audit.verdict import CIRCUIT, MEMORISING, MIXED, SLOPE_RATIO, VERDICTS
from grokking.config import RunConfig
from grokking.drawing.style import Style
from grokking.tasks import modulus_text

SIZE = (11.0, 8.0)
Record = dict[str, Any]
BEHAVES = 0.9
"""Test accuracy from which behaviour shows what happened."""
BANDS = (("verdict", "knows this\ncheckpoint"), ("verdict_by_final_keys", "knows the\nfinal keys"))


def draw_series(record: Record, output: Path, suffix: str = "") -> Path:
    """record: of ``audit_over_training.json``. suffix: "_add" and the like where a run has several tasks."""
    style = Style()
    with style.context():
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        thorough = f"{ROBUSTNESS}{suffix}" in record
        heights = (2.2, 1.6, *(1.4,) * thorough, 1)
        top, middle, *lean, bottom = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
        c = record["config"]
        how = ", ".join(RunConfig.from_dict(c).in_words("seed", "weight_decay")) or "trained elsewhere"
        figure.suptitle(
            f"When does the verdict change?   {c['task']}{modulus_text(c)}, {how}{suffix.replace('_', ', ')}",
            fontsize=14,
        )
        _accuracies(top, record, suffix, style)
        _shares(middle, record, suffix, style)
        for ax in lean:
            _slopes(ax, record, suffix, style)
        _verdicts(bottom, record, suffix, style)
        bottom.set_xscale("symlog", linthresh=100)
        bottom.set_xlim(0, max(record["epochs"][-1], 1))
        bottom.set_xlabel("epoch")
        return save(figure, output)


def turning_epoch(record: Record, key: str, verdicts: tuple[Any, ...]) -> int | None:
    """The first epoch from which on the verdict stays among those given; None if it does not end there."""
    found = None
    for epoch, verdict in zip(record["epochs"], record[key], strict=True):
        if verdict not in verdicts:
            found = None
        elif found is None:
            found = epoch
    return found


def turning_words(record: Record, suffix: str = "") -> str:
    """When each auditor leaves "memorising" for good, and when it says circuit, in one line."""
    parts = []
    accuracy = record.get(f"test_acc{suffix}", record.get("test_acc"))
    if accuracy is not None:
        known = {"epochs": record["epochs"], "right": [(a or 0) >= BEHAVES for a in accuracy]}
        right = turning_epoch(known, "right", (True,))
        parts.append(f"test accuracy >= {BEHAVES} {'at no epoch' if right is None else f'from {right}'}")
    for key, who in (("verdict", "own"), ("verdict_by_final_keys", "final")):
        if key + suffix in record:
            left = turning_epoch(record, key + suffix, (MIXED, CIRCUIT))
            circuit = turning_epoch(record, key + suffix, (CIRCUIT,))
            if left is None:
                parts.append(f"{who} keys: no {CIRCUIT} at the end")
                continue
            circuit_state = f"not {CIRCUIT} at the end" if circuit is None else f"{CIRCUIT} from {circuit}"
            parts.append(f"{who} keys: no longer {MEMORISING} from {left}, {circuit_state}")
    return "; ".join(parts)


def _line(
    ax: Axes, record: Record, key: str, style: Style, colour: str, label: str, dashes: str = "-"
) -> None:
    if key in record:
        values = [np.nan if v is None else v for v in record[key]]
        ax.plot(record["epochs"], values, dashes, color=style.colour[colour], label=label)


def _accuracies(ax: Axes, record: Record, suffix: str, style: Style) -> None:
    name = suffix if f"test_acc{suffix}" in record else ""
    _line(ax, record, f"train_acc{name}", style, "train", "train accuracy")
    _line(ax, record, f"test_acc{name}", style, "test", "test accuracy: what behaviour shows")
    _line(ax, record, f"all_acc{name}", style, "mean", "accuracy")
    _line(
        ax,
        record,
        f"sufficient_by_final_keys{suffix}",
        style,
        "key_frequency",
        "held out, with the final keys alone",
        "--",
    )
    _line(ax, record, f"without_by_final_keys{suffix}", style, "null", "train, without the final keys", ":")
    ax.set(ylim=(0, 1.04), ylabel="accuracy")
    ax.legend(frameon=False, fontsize=9, loc="center left")


def _shares(ax: Axes, record: Record, suffix: str, style: Style) -> None:
    _line(ax, record, f"neuron_share{suffix}", style, "key_frequency", "neurons: variance in own frequency")
    _line(ax, record, f"cross_talk{suffix}", style, "samples", "ablation: change at own frequency", "--")
    _line(
        ax,
        record,
        f"{ROBUSTNESS}{suffix}",
        style,
        "sine",
        "share of the way to a token that flips an answer",
        "-.",
    )
    ax.set(ylim=(0, 1.04), ylabel="share")
    if ax.lines:
        ax.legend(frameon=False, fontsize=9, loc="upper left")


def _slopes(ax: Axes, record: Record, suffix: str, style: Style) -> None:
    """How much steeper the loss is along the final key frequencies than along others, on a log scale."""
    for name, dashes in (("W_E", "-"), ("W_U", "--")):
        _line(
            ax,
            record,
            f"slopes_of_{name}{suffix}",
            style,
            "key_frequency",
            f"slopes of {name}, final keys over others",
            dashes,
        )
    ax.axhline(SLOPE_RATIO, color=style.colour["null"], linestyle=":", linewidth=1.2, label="threshold")
    ax.set(yscale="log", ylabel="ratio")
    ax.legend(frameon=False, fontsize=9, loc="upper left")


def _verdicts(ax: Axes, record: Record, suffix: str, style: Style) -> None:
    epochs = np.array(record["epochs"], dtype=float)
    ends = np.append(epochs[1:], epochs[-1] + 1)
    for row, (key, _) in enumerate(BANDS):
        for verdict in VERDICTS:
            spans = [
                (a, b - a)
                for a, b, v in zip(epochs, ends, record.get(key + suffix, []), strict=False)
                if v == verdict
            ]
            if spans:
                ax.broken_barh(spans, (row - 0.4, 0.8), color=style.colour[MEANING[verdict]], linewidth=0)
    ax.set_yticks(range(len(BANDS)), [label for _, label in BANDS])
    ax.set_ylim(-0.5, len(BANDS) - 0.1)
    for verdict in VERDICTS:
        ax.plot([], [], "s", color=style.colour[MEANING[verdict]], label=verdict)
    ax.legend(frameon=False, fontsize=9, ncols=4, loc="lower right", bbox_to_anchor=(1, 0.98))

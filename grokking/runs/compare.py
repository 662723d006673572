"""Histories side by side: a table of how runs ended, and any history as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from grokking.errors import DamagedFile, UserError
from grokking.metrics.registry import METRICS, PROGRESS
from grokking.runs.progress_measures import read_progress
from grokking.runs.run import Run
from grokking.storage.provenance import origin
from grokking.tasks import TASK_FAMILIES, family_of

END = (
    "epochs",
    "grokking_epoch",
    "train_loss",
    "test_loss",
    "train_acc",
    "test_acc",
    "all_loss",
    "all_acc",
    "weight_norm",
)
ABSENT = "-"


def columns(runs: Sequence[Run]) -> list[str]:
    """What a table of these runs shows: config, ends, and what the families of their tasks have."""
    present = {run.config.family for run in runs}
    shown = [name for family in TASK_FAMILIES if family.name in present for name in family.shown]
    names = [*shown, *END, *(column for run in runs for _, column in measures_of(run))]
    if all(run.config.split != "unknown" for run in runs):
        names = [name for name in names if not name.startswith("all_")]
    return list(dict.fromkeys(names))


def summary(run: Run) -> dict[str, Any]:
    """How a run ended: config fields and the last row of its measures; absent values are None."""
    history, config = run.history, run.config
    known = {name: config.get(name) if config.known(name) else None for name in family_of(config.task).shown}
    found: dict[str, Any] = {"run": run.name, **known}
    found["epochs"] = history["epochs"][-1] if history["epochs"] else 0
    found["grokking_epoch"] = history.get("grokking_epoch")
    for name in END[2:]:
        found[name] = _last(run, history, name)
    progress = _measured(run, found["epochs"]) if run.has_pairs else {}
    for when, name in measures_of(run):
        found[name] = _last(run, progress if when == PROGRESS else history, name)
    return found


def measures_of(run: Run) -> list[tuple[str, str]]:
    """When a metric is taken, and its column, for all that a table shows of such a run."""
    metrics = [metric for metric in METRICS if metric.applies(run.task)]
    return [(metric.when, column) for metric in metrics for column in metric.table]


def _last(run: Run, record: Mapping[str, Any], name: str) -> Any:
    """The last value of a list; of several operations one each, in the order of the task."""
    names = [name] if name in record else [f"{name}_{op}" for op in run.task.names]
    values = [record[n][-1] for n in names if isinstance(record.get(n), list) and record[n]]
    return (values[0] if len(values) == 1 else values) if values else None


def _measured(run: Run, epoch: int) -> Mapping[str, Any]:
    """The run's progress measures, none where they were not made or do not end at ``epoch``."""
    try:
        found = read_progress(run)
        return found if found["epochs"][-1] == epoch else {}
    except DamagedFile:
        raise
    except UserError:
        return {}


def table(runs: Sequence[Run]) -> str:
    """One column per run, one line per quantity, aligned for a terminal."""
    summaries = [summary(run) for run in runs]
    rows = [[name, *(_shown(s.get(name)) for s in summaries)] for name in ("run", *columns(runs))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def markdown(runs: Sequence[Run]) -> str:
    """The same table for a report, with the command, machine, versions and commit behind each run."""
    summaries = [summary(run) for run in runs]
    lines = ["| | " + " | ".join(s["run"] for s in summaries) + " |", "| --- |" + " --- |" * len(runs)]
    lines += [
        f"| {name} | " + " | ".join(_shown(s.get(name)) for s in summaries) + " |" for name in columns(runs)
    ]
    return "\n".join([*lines, "", *(_provenance(run) for run in runs)])


def _provenance(run: Run) -> str:
    found = origin(run.directory.record())
    return (
        f"- **{run.name}**: {found['command']}; {found['machine']}; {found['versions']}; "
        f"commit {found['commit']}"
    )


def _shown(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        between = ", " if any(isinstance(entry, str) for entry in value) else " "
        return between.join(map(_shown, value)) or "none"
    return str(value)


def history_csv(history: dict[str, Any]) -> str:
    """The lists of a history as CSV, one line per epoch.

    Lists are joined by spaces, objects {label: value} are written as label=value joined by semicolons.
    """
    names = ["epochs", *(k for k, v in history.items() if isinstance(v, list) and k != "epochs")]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["epoch", *names[1:]])
    for row in zip(*(history[name] for name in names), strict=True):
        writer.writerow([_csv_cell(value) for value in row])
    return out.getvalue()


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ";".join(f"{label}={entry}" for label, entry in value.items())
    # Labels may have spaces in them: standard ⊗ sign.
    between = ";" if isinstance(value, list) and any(isinstance(entry, str) for entry in value) else " "
    return between.join(map(str, value)) if isinstance(value, list) else value

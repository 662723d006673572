"""What ``grokking audit`` calls: measure, draw, and say it in lines."""

from pathlib import Path
from typing import Any

from grokking.audit.checkpoint import audit_and_write, read_audit
from grokking.audit.over_training import read_series, series_and_write
from grokking.audit.over_training_page import draw_series, turning_words
from grokking.audit.report_page import draw_page
from grokking.runs.run import Run


def audit(path: Path, epoch: int | None = None) -> list[str]:
    """Audit one checkpoint and draw its pages; lines for a person, paths last.

    Raises UserError for a folder that is not a run or has no checkpoints, or none of that epoch.
    """
    written, run = audit_and_write(path, epoch), Run(path)
    record = read_audit(run)
    with run.directory.writing():
        pages = [draw_page(record, name, run.directory.audit_page(name)) for name in record["operations"]]
    lines = [
        f"{name} at epoch {record['epoch']}: {_in_words(found)}"
        for name, found in record["operations"].items()
    ]
    return [*lines, str(written), *map(str, pages)]


def audit_series(path: Path, thorough: bool = False) -> list[str]:
    """Audit every checkpoint and draw the verdicts over training, one picture per operation.

    thorough: as in ``over_training.audit_row``.
    """
    written, run = series_and_write(path, thorough), Run(path)
    record, several = read_series(run), len(run.pair_task.names) > 1
    lines, pages = [], []
    for name in run.pair_task.names:
        suffix = f"_{name}" if several else ""
        lines.append(f"{name}: {turning_words(record, suffix)}")
        with run.directory.writing():
            pages.append(draw_series(record, run.directory.audit_page(f"over_training{suffix}"), suffix))
    return [*lines, str(written), *map(str, pages)]


def _in_words(found: dict[str, Any]) -> str:
    return found["verdict"] + (f" ({found['why']})" if "why" in found else "")

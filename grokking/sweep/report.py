"""Tables and figures of a folder of runs: at any time, of whatever is there."""

from collections.abc import Sequence
from pathlib import Path

from grokking.runs.progress_measures import read_progress
from grokking.runs.run import Run
from grokking.storage.atomic_io import folder_for, write_bytes
from grokking.storage.provenance import command_text
from grokking.sweep import tables
from grokking.sweep.collect_results import Cell, Gathered, cells, gather, varying_fields
from grokking.sweep.grokking_time_figure import draw_grokking_time
from grokking.sweep.learning_phases import CAPTION as PHASES_CAPTION
from grokking.sweep.learning_phases import phases_by_cell
from grokking.sweep.measured import (
    AllMeasured,
    Measured,
    leads,
    leads_markdown,
    measure_all,
    phases_csv,
    phases_markdown,
    suffix,
)
from grokking.sweep.phase_curves_figure import MOST_COLUMNS, Column, choose, draw_phase_curves, titles
from grokking.sweep.phase_diagram_figure import draw_phase_diagram
from grokking.sweep.statistics import FEW_RUNS, CellStatistics, cell_statistics

REPORT = "report"
CURVES = "curves.png"
FILES = ("runs.csv", "cells.csv", "phases.csv", "grokking_time.png", "phase_diagram.png", CURVES)
"""All files of a report apart from its text."""
MAP_FIELDS = ("train_frac", "weight_decay")
"""What a phase diagram is drawn over, if both vary."""
CAPTION = f"""\
Grokking epoch: the first epoch from which test accuracy is >= 0.99 for 100 epochs, checked every ten
epochs; memorisation epoch: the same for train accuracy. The delay is the difference, over the runs that
memorised. Medians are Kaplan–Meier estimates with nominal 95 % bands (log-log); a run that has not grokked
is censored at the epoch it was trained to and never left out. Shares have exact 95 % intervals.
{FEW_RUNS}"""
ELSEWHERE_CAPTION = """\
Imported weights. Their settings, budget and seed are unknown, so they are in no cell. Epochs are those of
their checkpoints. A dash means that the epoch is unknown, because the split is, or not reached by the last
checkpoint."""
LEADS_CAPTION = """\
Lead: epochs from the checkpoint at which a measure leaves its memorisation baseline to the one at which
test accuracy does. Restricted and excluded loss use the final model's key frequencies, so they are
hindsight, not a forecast. A false alarm is a measure that left its baseline in a run that never grokked."""


def write_report(
    folder: Path, output_dir: Path | None = None, make_measures: bool = False, command: Sequence[str] = ()
) -> Path:
    """Write report.md, CSV files and figures; returns the path of report.md.

    output_dir: by default ``folder/report``.  make_measures: measure the progress of runs that were
    not.  command: what the report says it was made by.

    Raises UserError if the folder holds no run, or the report cannot be written.
    """
    found = gather(folder)
    target = folder / REPORT if output_dir is None else output_dir
    with folder_for(target):
        by = varying_fields(found.results)
        grouped = cells(found.results, by)
        statistics = [cell_statistics(cell) for cell in grouped]
        measured = measure_all(found.all, make_measures)
        written = [
            _write(target / "runs.csv", tables.runs_csv(by, found.results)),
            _write(target / "cells.csv", tables.cells_csv(by, statistics)),
        ]
        if measured.runs:
            written.append(_write(target / "phases.csv", phases_csv(measured.runs)))
        figures = _draw(statistics, by, measured, target)
        _remove_stale(target, {path.name for path in (*written, *figures)})
        text = _text(found, grouped, statistics, by, measured, figures)
        made_by = f"\n- this report: `{command_text(command)}`\n" if command else "\n"
        return _write(target / "report.md", text + made_by)


def _remove_stale(target: Path, written: set[str]) -> None:
    """Files of an earlier report that this one has no use for would pass for its own."""
    for name in set(FILES) - written:
        (target / name).unlink(missing_ok=True)


def _write(path: Path, text: str) -> Path:
    write_bytes(path, text.encode())
    return path


def _draw(
    statistics: Sequence[CellStatistics], by: Sequence[str], measured: AllMeasured, target: Path
) -> list[Path]:
    drawn = [draw_grokking_time(statistics, by, target / "grokking_time.png")] if statistics else []
    if set(by) == set(MAP_FIELDS):
        drawn.append(draw_phase_diagram(statistics, by, target / "phase_diagram.png"))
    if measured.runs:
        chosen = choose(measured.runs)
        columns = [_column(m, title) for m, title in zip(chosen, titles(chosen, by), strict=True)]
        drawn.append(draw_phase_curves(columns, target / CURVES))
    return drawn


def _column(m: Measured, title: str) -> Column:
    run = Run(m.result.path)
    return Column(title, run.history, read_progress(run), m.phases, suffix(m.operation))


def _text(
    found: Gathered,
    grouped: Sequence[Cell],
    statistics: Sequence[CellStatistics],
    by: Sequence[str],
    measured: AllMeasured,
    figures: Sequence[Path],
) -> str:
    parts = [
        f"# Sweep {found.folder.resolve().name}",
        *(
            [tables.summary(found, grouped, by), tables.cells_markdown(by, statistics), CAPTION]
            if statistics
            else []
        ),
        *(_figure(path, measured.runs) for path in figures),
        *(["## Learning phases", phases_by_cell(by, grouped), PHASES_CAPTION] if grouped else []),
    ]
    if measured.runs:
        parts += [
            "## Phases",
            phases_markdown(measured.runs),
            "## Early warning",
            leads_markdown(leads(measured.runs)),
            LEADS_CAPTION,
        ]
    if measured.left_out:
        how_many = tables.counted(len(measured.left_out), "run")
        first = next(iter(measured.left_out.values()))
        parts.append(f"Phases and early warning leave out {how_many}; the first: {first}.")
    if found.elsewhere:
        parts += ["## Trained elsewhere", tables.elsewhere_markdown(found.elsewhere), ELSEWHERE_CAPTION]
    if found.unreadable:
        parts += ["## Unreadable", "\n".join(f"- {name}: {why}" for name, why in found.unreadable.items())]
    parts += ["## Made with", "\n".join(tables.provenance(found.all))]
    return "\n\n".join(parts)


def _figure(path: Path, runs: Sequence[Measured]) -> str:
    """A picture, and under it what it leaves out."""
    text = f"![{path.stem}]({path.name})"
    if path.name != CURVES or len(runs) <= MOST_COLUMNS:
        return text
    kind = "operation" if any(m.operation for m in runs) else "run"
    return f"{text}\n\n{MOST_COLUMNS} of {tables.counted(len(runs), kind)} shown."

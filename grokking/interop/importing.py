"""Weights trained elsewhere become a run directory, measured there: whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grokking.errors import UserError
from grokking.interop.archive import unpacked
from grokking.interop.config_files import json_files_near
from grokking.interop.detect_layout import mapping_layout
from grokking.interop.evidence import SplitTest, describe_split_tests
from grokking.interop.external_history import INSIDE, NAMES, Columns, ExternalHistory
from grokking.interop.facts import UserHints, facts_of
from grokking.interop.import_check import ImportCheck
from grokking.interop.import_plan import (
    ImportPlan,
    SourceSummary,
    check_consistency,
    open_network,
    plan_import,
)
from grokking.interop.known_facts import complete_hints, given_facts, how_known
from grokking.interop.snapshots import Source
from grokking.interop.weights import convert_weights
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import measure_row, not_finite
from grokking.metrics.losses import losses
from grokking.metrics.registry import Row
from grokking.progress_bar import shown
from grokking.runs.run import Run
from grokking.storage.atomic_io import require_free, staged
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.provenance import git_commit, versions
from grokking.storage.run_directory import RunDirectory


def write_run(
    directory: RunDirectory,
    source: Source,
    summary: SourceSummary,
    plan: ImportPlan,
    reported: Sequence[ExternalHistory],
    record: Mapping[str, Any],
) -> list[str]:
    """Fill the new run directory; returns what the user should know.

    record: for ``config.json``, where the weights come from and how they were read.
    """
    directory.create(plan.config, {**record, "git_commit": git_commit(), "versions": versions()})
    if plan.found.split is not None:
        directory.write_train_rows(plan.found.split.train.tolist())
    for snapshot in shown(source.snapshots, "reading weights"):
        match, raw = open_network(source, snapshot, summary, plan.hints)
        weights = convert_weights(match, raw, plan.interpretation, plan.config)
        directory.save(Checkpoint(snapshot.epoch, weights, plan.config))
    run = Run(directory.path)
    columns, tests = _measured(run)
    extra, notes = _reported(reported, run.epochs, columns)
    history = {"config": plan.config.as_dict(), "epochs": run.epochs, **columns, **extra}
    directory.write_history(history)
    about_split = None if plan.found.certain else describe_split_tests(columns, tests)
    return [text for text in (*notes, about_split) if text]


def _measured(run: Run) -> tuple[dict[str, list[Any]], list[SplitTest]]:
    """The columns of the history, and a test of the split at every epoch where a split is given."""
    rows, tests = [], []
    for epoch in shown(run.epochs, "measuring"):
        acts = run.observe(epoch)
        rows.append(_row(run, acts, epoch))
        if run.split is not None:
            tests.append(SplitTest.of(epoch, acts.losses_and_correct[0], run.split))
    return {name: [row[name] for row in rows] for name in rows[0]}, tests


def _reported(
    found: Sequence[ExternalHistory], epochs: Sequence[int], columns: Mapping[str, list[Any]]
) -> tuple[Columns, list[str]]:
    """The first of what is reported that fits the weights, else why none does."""
    measured = {name: columns[name] for name in (*NAMES, "all_acc") if name in columns}
    notes: list[str] = []
    for reported in found:
        extra, note = reported.columns(epochs, measured)
        if extra:
            return extra, [*notes, note or ""] if reported.where != INSIDE else [note or ""]
        if note and not any(reported.where in other for other in notes):
            notes.append(note)
    return {}, notes


def _row(run: Run, acts: ActivationCache, epoch: int) -> Row:
    """Raises UserError for a network whose weights are finite and whose numbers are not."""
    name = not_finite(losses(acts, run.split))  # first, since metrics of such a network warn of themselves
    row = {} if name else measure_row(acts, run.split)
    if (name := name or not_finite(row)) is not None:
        raise UserError(
            f"the network of epoch {epoch} gives a {name} that is not finite: its weights are "
            "too large for float32, or the file is damaged"
        )
    return row


MOST_SHOWN = 12


@dataclass(frozen=True)
class Request:
    """What the user asks for. source: a file, a folder or a zipped run directory.
    output_dir: the run directory to be made.

    epochs: as in ``snapshots.Source.of``.  split: as in ``splits.make_split``, None for what the
    weights' file says, if anything.  reading: another than the layout's, by name.
    """

    source: Path
    output_dir: Path
    hints: UserHints = field(default_factory=UserHints)
    epochs: Sequence[str] = ()
    split: str | None = None
    mapping: Path | None = None
    reading: str | None = None
    command: Sequence[str] = ()


@dataclass(frozen=True)
class ImportResult:
    """What came of it: the run directory, the check of a right import, and what the user should know."""

    path: Path
    check: ImportCheck
    notes: list[str]


def import_checkpoints(request: Request) -> ImportResult:
    """Make the run directory.

    Raises UserError, and leaves nothing behind, for files that cannot be read, layouts that are not
    known, shapes that contradict each other, and an ``output_dir`` that holds anything.
    """
    require_free(request.output_dir)
    with unpacked(request.source) as source:
        return _import_from(source, request)


def _import_from(files: Path, request: Request) -> ImportResult:
    """files: the request's source, unpacked."""
    layout = None if request.mapping is None else mapping_layout(request.mapping)
    nearby = ExternalHistory.next_to(files)
    source = Source.of(files, request.epochs, nearby.last_epoch)
    reported = [nearby, *map(ExternalHistory.from_files, source.curves)]
    found = facts_of([*source.abouts(), *json_files_near(files)], given_facts(request.hints))
    known = how_known(request.hints, found)
    hints = complete_hints(request.hints, found)
    summary = check_consistency(source, hints, layout)
    plan = plan_import(source, summary, hints, found, known, request.split, request.reading)
    record = {
        "import": {"source": str(request.source), "split": request.split, **plan.record(summary, source)},
        "command": list(request.command),
    }
    with staged(request.output_dir) as staging:
        directory = RunDirectory(staging)
        with directory.writing():
            notes = write_run(directory, source, summary, plan, reported, record)
    notes = [*_unread(source), *source.notes, *summary.notes, *plan.notes, *notes]
    return ImportResult(request.output_dir, plan.check, notes)


def _unread(source: Source) -> list[str]:
    """What was left out of a source, in words."""
    notes = [f"warning: left out: {why}" for why in source.unread]
    if source.left_out:
        shown = ", ".join(source.left_out[:MOST_SHOWN])
        more = f", … ({len(source.left_out)} in all)" * (len(source.left_out) > MOST_SHOWN)
        notes.append(f"not read, since only code of their own could: {shown}{more}")
    return notes

"""The networks of a source written as a run directory, and measured there."""

from collections.abc import Mapping, Sequence
from typing import Any

from grokking.errors import UserError
from grokking.interop.chance_tests import SplitTest, describe_split_tests
from grokking.interop.consistency_check import SourceSummary, open_network
from grokking.interop.curves import NAMES
from grokking.interop.external_history import INSIDE, Columns, ExternalHistory
from grokking.interop.import_plan import ImportPlan
from grokking.interop.snapshots import Source
from grokking.interop.weights import convert_weights
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import measure_row, not_finite
from grokking.metrics.losses import losses
from grokking.metrics.registry import Row
from grokking.progress_bar import shown
from grokking.runs.run import Run
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

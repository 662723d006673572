"""Weights trained elsewhere become a run directory, whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grokking.config import RunConfig
from grokking.errors import UserError
from grokking.from_config import shape_of
from grokking.interop import splits
from grokking.interop.consistency_check import Survey, opened, survey_of
from grokking.interop.curves import NAMES
from grokking.interop.detect_layout import mapping_layout
from grokking.interop.evidence import SplitTest, split_seen
from grokking.interop.external_history import INSIDE, Columns, Reported
from grokking.interop.import_check import Proof, best_heads, named_reading, prove
from grokking.interop.snapshots import Source
from grokking.interop.weights import UserHints, WeightInterpretation, config_of, to_ours
from grokking.metrics.activations import ActivationCache
from grokking.metrics.history_row import measure_row, not_finite
from grokking.metrics.losses import losses
from grokking.metrics.registry import Row
from grokking.progress_bar import shown
from grokking.runs.run import Run
from grokking.storage.atomic_dir import require_free, staged
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.provenance import git_commit, versions
from grokking.storage.run_directory import RunDirectory
from grokking.tasks.modular import make_task
from grokking.tasks.split import Split

MOST_SHOWN = 12


@dataclass(frozen=True)
class Request:
    """What a person asks for. source: a file or folder.  output_dir: the run directory to be made.

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
class Imported:
    """What came of it: the run directory, the proof of a right import, and what a person should know."""

    path: Path
    proof: Proof
    notes: list[str]


def import_checkpoints(request: Request) -> Imported:
    """Make the run directory.

    Raises UserError, and leaves nothing behind, for files that cannot be read, layouts that are not
    known, shapes that contradict each other, and an ``output_dir`` that holds anything.
    """
    require_free(request.output_dir)
    layout = None if request.mapping is None else mapping_layout(request.mapping)
    beside = Reported.beside(request.source)
    source = Source.of(request.source, request.epochs, beside.last_epoch)
    reported = [beside, *map(Reported.inside, source.curves)]
    survey = survey_of(source, request.hints, layout)
    plan = _plan(source, survey, request)
    with staged(request.output_dir) as staging:
        directory = RunDirectory(staging)
        with directory.writing():
            notes = _write(directory, source, survey, plan, reported, request)
    notes = [*_unread(source), *source.notes, *survey.notes, *plan.notes, *notes]
    return Imported(request.output_dir, plan.proof, notes)


def _unread(source: Source) -> list[str]:
    """What was left out of a source, in words."""
    notes = [f"warning: left out: {why}" for why in source.unread]
    if source.left_out:
        shown = ", ".join(source.left_out[:MOST_SHOWN])
        more = f", … ({len(source.left_out)} in all)" * (len(source.left_out) > MOST_SHOWN)
        notes.append(f"not read, since only code of their own could: {shown}{more}")
    return notes


@dataclass(frozen=True)
class _Plan:
    """How the networks are read, and as what run they are kept."""

    reading: WeightInterpretation
    config: RunConfig
    split: Split | None
    proof: Proof
    notes: list[str]


def _plan(source: Source, survey: Survey, request: Request) -> _Plan:
    """Decide on the reading by the last network, and find the split."""
    hints, final = request.hints, max(source.snapshots, key=lambda s: s.epoch)
    match, raw = opened(source, final, survey, hints)
    reading = WeightInterpretation(operation_tokens=hints.operation_tokens)
    if match.open:
        reading, note = best_heads(match, raw, hints, survey.biases, reading)
    config = config_of(match, hints, reading, survey.biases)
    if request.reading is not None:
        reading = named_reading(request.reading, match, hints, reading, config)
        if match.open:  # the heads are seen only once the rest is read the right way round
            reading, note = best_heads(match, raw, hints, survey.biases, reading)
        config = config_of(match, hints, reading, survey.biases)
    notes = [note] if match.open else []
    split, note = _split(source, config, request.split)
    if split is not None:
        config = replace(config, split="kept", train_frac=splits.fraction(split))
    c = config
    notes.append(
        f"network: p {c.p}, {c.n_heads} heads of {c.d_head}, d_model {c.d_model}, d_mlp {c.d_mlp}, "
        f"{shape_of(c).n_classes} classes, extra biases: {c.biases or 'none'}"
    )
    notes.append(note)
    return _Plan(reading, config, split, prove(match, raw, hints, reading, config, split), notes)


def _split(source: Source, config: RunConfig, text: str | None) -> tuple[Split | None, str]:
    task = make_task(config.p, config.task)
    if text is not None:
        split: Split | None = splits.make_split(text, task)
        where = text
    else:
        split, where = splits.split_in(source.train, task), "as the weights' file says"
    if split is None:
        return (
            None,
            "split: unknown, so no train and test values; all pairs are measured together (see --split)",
        )
    return split, f"split: {where}, {len(split.train)} train and {len(split.test)} test pairs"


def _write(
    directory: RunDirectory,
    source: Source,
    survey: Survey,
    plan: _Plan,
    reported: Sequence[Reported],
    request: Request,
) -> list[str]:
    """Fill the new run directory; returns what a person should know."""
    config = plan.config
    directory.create(
        config,
        {
            "import": {
                "source": str(request.source),
                "layout": survey.layout.name,
                "reading": plan.reading.name,
                "split": request.split,
                "dtypes": survey.dtypes,
                **plan.proof.record,
                "left_out": [*source.unread, *source.left_out],
            },
            "command": list(request.command),
            "git_commit": git_commit(),
            "versions": versions(),
        },
    )
    if plan.split is not None:
        directory.write_train_rows(plan.split.train.tolist())
    for snapshot in shown(source.snapshots, "reading weights"):
        match, raw = opened(source, snapshot, survey, request.hints)
        weights = to_ours(match, raw, plan.reading, config)
        directory.save(Checkpoint(snapshot.epoch, weights, config))
    run = Run(directory.path)
    rows, tests = [], []
    for epoch in shown(run.epochs, "measuring"):
        seen = run.observe(epoch)
        rows.append(_row(run, seen, epoch))
        if run.split is not None:
            tests.append(SplitTest.of(epoch, seen.losses_and_correct[0], run.split))
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    extra, notes = _reported(reported, run.epochs, columns)
    directory.write_history({"config": config.as_dict(), "epochs": run.epochs, **columns, **extra})
    return [text for text in (*notes, split_seen(columns, tests)) if text]


def _reported(
    found: Sequence[Reported], epochs: Sequence[int], columns: Mapping[str, list[Any]]
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


def _row(run: Run, seen: ActivationCache, epoch: int) -> Row:
    """Raises UserError for a network whose weights are finite and whose numbers are not."""
    name = not_finite(losses(seen, run.split))  # first, since metrics of such a network warn of themselves
    row = {} if name else measure_row(seen, run.split)
    if (name := name or not_finite(row)) is not None:
        raise UserError(
            f"the network of epoch {epoch} gives a {name} that is not finite: its weights are "
            "too large for float32, or the file is damaged"
        )
    return row

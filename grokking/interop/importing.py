"""Weights trained elsewhere become a run directory, whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from grokking.config import MODULAR, RunConfig
from grokking.errors import UserError
from grokking.interop import splits
from grokking.interop.choosing import choose
from grokking.interop.consistency_check import Survey, opened, survey_of
from grokking.interop.detect_layout import mapping_layout
from grokking.interop.external_history import Reported
from grokking.interop.facts import Facts, beside, facts_of
from grokking.interop.import_check import Proof, named_reading, prove
from grokking.interop.snapshots import Source
from grokking.interop.statements import check_norm, completed, overruled, sources, stated
from grokking.interop.weights import UserHints, WeightInterpretation, config_of, to_ours
from grokking.metrics.heights import measure_heights
from grokking.metrics.history_row import Row, losses, measure_row, not_finite
from grokking.models.transformer import ModelShape
from grokking.progress_bar import shown
from grokking.runs.run import Run
from grokking.storage.atomic_dir import require_free, staged
from grokking.storage.checkpoint import Checkpoint
from grokking.storage.provenance import git_commit, versions
from grokking.storage.run_directory import RunDirectory
from grokking.tasks.base import problem_of
from grokking.tasks.modular import Split, Task
from grokking.training.initial import make_split

MEMORISED_GAP = 0.1
"""A network that knows its train pairs better than the others by less shows no split."""


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
    reported = Reported.beside(request.source)
    source = Source.of(request.source, request.epochs, reported.last_epoch)
    found = facts_of([*source.abouts(), *beside(request.source)], overruled(request.hints))
    how = sources(request.hints, found)
    request = replace(request, hints=completed(request.hints, found))
    survey = survey_of(source, request.hints, layout)
    plan = _plan(source, survey, request, found, how)
    with staged(request.output_dir) as staging:
        directory = RunDirectory(staging)
        with directory.writing():
            notes = _write(directory, source, survey, plan, reported, request)
    return Imported(request.output_dir, plan.proof, [*source.notes, *survey.notes, *plan.notes, *notes])


@dataclass(frozen=True)
class _Plan:
    """How the networks are read, and as what run they are kept."""

    reading: WeightInterpretation
    config: RunConfig
    split: Split | None
    proof: Proof
    facts: dict[str, tuple[Any, str]]
    notes: list[str]


def _plan(source: Source, survey: Survey, request: Request, found: Facts, known: Mapping[str, str]) -> _Plan:
    """Decide on the reading by the last network, and find the split.

    found: what the files say.  known: how each fact is known that anybody states.
    """
    hints, final = request.hints, max(source.snapshots, key=lambda s: s.epoch)
    match, raw = opened(source, final, survey, hints)
    reading = WeightInterpretation(operation_tokens=hints.operation_tokens)
    check_norm(match, hints, known)
    reading, told, how = choose(match, raw, hints, survey.biases, reading)
    config = config_of(match, told, reading, survey.biases)
    if request.reading is not None:
        reading = named_reading(request.reading, match, told, reading, config)
        # The rest is seen only once the weights are read the right way round.
        reading, told, how = choose(match, raw, hints, survey.biases, reading)
        config = config_of(match, told, reading, survey.biases)
    hints, facts = told, stated(match, config, found, {**known, **how})
    notes = [f"{name}: {value} ({why})" for name, (value, why) in facts.items()]
    split, note = _split(source, config, request.split, hints.own)
    if split is not None:
        config = replace(config, split="kept", train_frac=splits.fraction(split))
    c = config
    notes.append(
        f"network: p {c.p}, {c.n_heads} heads of {c.d_head}, d_model {c.d_model}, d_mlp {c.d_mlp}, "
        f"{ModelShape.of(c).n_classes} classes, extra biases: {c.biases or 'none'}"
    )
    notes.append(note)
    return _Plan(reading, config, split, prove(match, raw, hints, reading, config), facts, notes)


def _split(
    source: Source, config: RunConfig, text: str | None, own: RunConfig | None
) -> tuple[Split | None, str]:
    task = problem_of(config)
    split: Split | None
    if text is None and own is not None and own.split == "drawn" and not own.imported:
        split, where = make_split(task, own), "as the recipe and the seed in the file say"
    elif not isinstance(task, Task):
        raise UserError(
            "which combinations a network of kinematics was trained on is known only from an export of the "
            "run that trained it; import that one"
        )
    elif text is not None:
        split, where = splits.make_split(text, task), text
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
    reported: Reported,
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
                "facts": {name: {"value": value, "how": how} for name, (value, how) in plan.facts.items()},
                "split": request.split,
                "dtypes": survey.dtypes,
                "accuracy": plan.proof.accuracy,
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
    rows = [_row(run, epoch) for epoch in shown(run.epochs, "measuring")]
    columns: dict[str, list[Any]] = {name: [row[name] for row in rows] for name in rows[0]}
    extra, note = reported.columns(
        run.epochs, {n: columns[n] for n in ("train_acc", "test_acc", "all_acc") if n in columns}
    )
    directory.write_history({"config": config.as_dict(), "epochs": run.epochs, **columns, **extra})
    return [text for text in (note, _split_seen(columns)) if text]


def _row(run: Run, epoch: int) -> Row:
    """Raises UserError for a network whose weights are finite and whose numbers are not."""
    modular = run.config.family == MODULAR
    seen: Any = run.observe(epoch) if modular else run.observe_heights(epoch)
    name = not_finite(losses(seen, run.split))  # first, since metrics of such a network warn of themselves
    if name is None:
        row = measure_row(seen, run.split) if modular else measure_heights(seen, run.known_split)
    else:
        row = {}
    if (name := name or not_finite(row)) is not None:
        raise UserError(
            f"the network of epoch {epoch} gives a {name} that is not finite: its weights are "
            "too large for float32, or the file is damaged"
        )
    return row


def _split_seen(columns: Mapping[str, list[Any]]) -> str | None:
    """A word if a split was given that the networks do not show: one that memorised knows its train pairs."""
    if "train_acc" not in columns:
        return None
    pairs = list(zip(columns["train_acc"], columns["test_acc"], strict=True))
    if any(train - test >= MEMORISED_GAP for train, test in pairs):
        return None
    if all(min(pair) > 1 - MEMORISED_GAP for pair in pairs):
        return "no network here is between memorising and grokking, so none confirms the split"
    return "warning: at no epoch are train pairs known better than test pairs; is it another split?"

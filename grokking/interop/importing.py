"""Weights trained elsewhere become a run directory, whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grokking.interop.config_files import json_files_near
from grokking.interop.consistency_check import check_consistency
from grokking.interop.detect_layout import mapping_layout
from grokking.interop.external_history import ExternalHistory
from grokking.interop.facts import facts_of
from grokking.interop.import_check import ImportCheck
from grokking.interop.import_plan import plan_import
from grokking.interop.known_facts import complete_hints, given_facts, how_known
from grokking.interop.snapshots import Source
from grokking.interop.user_hints import UserHints
from grokking.interop.write_run import write_run
from grokking.storage.atomic_dir import require_free, staged
from grokking.storage.run_directory import RunDirectory

MOST_SHOWN = 12


@dataclass(frozen=True)
class Request:
    """What the user asks for. source: a file or folder.  output_dir: the run directory to be made.

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
    layout = None if request.mapping is None else mapping_layout(request.mapping)
    nearby = ExternalHistory.next_to(request.source)
    source = Source.of(request.source, request.epochs, nearby.last_epoch)
    reported = [nearby, *map(ExternalHistory.from_files, source.curves)]
    found = facts_of([*source.abouts(), *json_files_near(request.source)], given_facts(request.hints))
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

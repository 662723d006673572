"""Phases and early warnings over the runs of a folder, from their ``progress.json``."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from grokking.errors import UserError
from grokking.metrics.early_warning import REFERENCE, Departure, early_warnings, memorisation_epoch
from grokking.metrics.phases import Phases, phases_of_run
from grokking.runs.progress_measures import ensure_measured, read_progress
from grokking.runs.run import Run
from grokking.sweep.collect_results import Result
from grokking.sweep.tables import csv_text, markdown_table

FEWEST_CHECKPOINTS = 20
"""Checkpoints below which neither rule has a curve to read."""


@dataclass(frozen=True)
class Measured:
    """Phases and departures of one operation of a run."""

    result: Result
    operation: str | None
    memorisation_epoch: int | None
    grokking_epoch: int | None
    phases: Phases
    departures: dict[str, Departure]


@dataclass(frozen=True)
class AllMeasured:
    """Over a folder. left_out: reason by name of the run."""

    runs: list[Measured] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lead:
    """One measure over all runs. leads: epochs before test accuracy, of grokked runs where both left.

    level: grokked runs in which both left at one checkpoint.  missed: those in which it left later, or never.
    false_alarms: of the ``never`` runs that did not grok and where it is known, those in which it
    left; None if there is no such run.
    """

    measure: str
    leads: tuple[int, ...]
    level: int
    missed: int
    false_alarms: int | None
    never: int


def measure_all(results: Sequence[Result], make: bool = False) -> AllMeasured:
    """Read every run's progress measures; with ``make`` those that are missing or stale are made.

    A run that cannot be read so is left out, with the reason.
    """
    found = AllMeasured()
    for result in results:
        try:
            found.runs.extend(measure(result, make))
        except UserError as error:
            found.left_out[result.name] = str(error)
    return found


def measure(result: Result, make: bool = False) -> list[Measured]:
    """One entry, or one per operation.

    Raises UserError for a run that is not over, keeps too few weights or was not measured.
    """
    run = Run(result.path)
    if not run.has_pairs:
        raise UserError(f"{result.name} is about {run.config.task}, which has no Fourier measures")
    if not result.over:
        raise UserError(f"{result.name} is not over yet")
    if len(run.epochs) < FEWEST_CHECKPOINTS:
        more = "import files of more epochs" if run.config.imported else "train with --keep film"
        raise UserError(
            f"{result.name} has {len(run.epochs)} checkpoints; phases and early warning "
            f"need {FEWEST_CHECKPOINTS}: {more}"
        )
    if make:
        ensure_measured(result.path)
    record = read_progress(run)
    operations = (
        [None]
        if len(run.pair_task.names) == 1
        else [name for name in run.pair_task.names if run.pair_task.grid(name) is not None]
    )
    return [
        Measured(
            result,
            operation,
            memorisation_epoch(run.history, operation),
            run.history.get("grokking_epoch" + suffix(operation)),
            phases_of_run(run.history, record, operation),
            early_warnings(run.history, record, operation),
        )
        for operation in operations
    ]


def suffix(operation: str | None) -> str:
    """How the names of an operation's values end; nothing where a run has one only."""
    return f"_{operation}" if operation else ""


def leads(runs: Sequence[Measured]) -> list[Lead]:
    """Every measure against test accuracy."""
    names = list(dict.fromkeys(name for m in runs for name in m.departures if name != REFERENCE))
    return [_lead(name, [m for m in runs if name in m.departures]) for name in names]


def _lead(name: str, runs: Sequence[Measured]) -> Lead:
    grokked = [m for m in runs if m.grokking_epoch is not None]
    never = [m for m in runs if m.grokking_epoch is None]
    found = [m.departures[name].lead for m in grokked]
    known = [lead for lead in found if lead is not None]
    watched = [m for m in never if m.departures[name].baseline is not None]
    alarms = sum(m.departures[name].false_alarm for m in watched)
    missed = sum(lead is None or lead < 0 for lead in found)
    return Lead(
        name,
        tuple(known),
        level=known.count(0),
        missed=missed,
        false_alarms=alarms if watched else None,
        never=len(watched),
    )


# Tables


def phases_markdown(runs: Sequence[Measured]) -> str:
    """Where one phase gives way to the next, by run."""
    rows = [
        (
            m.result.name,
            m.operation or m.result.config.task,
            m.memorisation_epoch,
            m.phases.circuit_formation,
            m.phases.cleanup,
            m.grokking_epoch,
        )
        for m in runs
    ]
    return markdown_table(
        (
            "run",
            "operation",
            "memorisation epoch",
            "circuit formation from",
            "cleanup from",
            "grokking epoch",
        ),
        rows,
    )


def leads_markdown(found: Sequence[Lead]) -> str:
    """How early each measure speaks, and how often it is wrong."""
    rows = [
        (
            lead.measure,
            len(lead.leads),
            median(lead.leads) if lead.leads else None,
            f"{min(lead.leads)} … {max(lead.leads)}" if lead.leads else None,
            lead.level,
            lead.missed,
            None if lead.false_alarms is None else f"{lead.false_alarms} of {lead.never}",
        )
        for lead in found
    ]
    return markdown_table(
        (
            "measure",
            "n",
            "lead in epochs, median",
            "range",
            "at the same checkpoint",
            "later or never",
            "false alarms",
        ),
        rows,
    )


def phases_csv(runs: Sequence[Measured]) -> str:
    """Boundaries, and for every measure the epoch at which it left and its lead."""
    names = list(dict.fromkeys(name for m in runs for name in m.departures))
    header = ["run", "operation", "memorisation_epoch", "circuit_formation", "cleanup", "grokking_epoch"]
    header += [f"{name}_{part}" for name in names for part in ("leaves", "lead")]
    rows = []
    for m in runs:
        left = [m.departures.get(name, Departure()) for name in names]
        rows.append(
            [
                m.result.name,
                m.operation or m.result.config.task,
                m.memorisation_epoch,
                m.phases.circuit_formation,
                m.phases.cleanup,
                m.grokking_epoch,
                *(x for d in left for x in (d.epoch, d.lead)),
            ]
        )
    return csv_text(header, rows)

"""``progress.json``: the progress measures of a run, one value per checkpoint, for any task family.

The final model says which frequencies matter; its set serves every epoch (docs/definitions.md, "Neurons").
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError, command
from grokking.metrics.activations import ActivationCache
from grokking.metrics.block_names import block_names, column_name
from grokking.metrics.checkpoint_measures import fit_and_shares
from grokking.metrics.circuit_overlap import directions_of, neurons_serving, shared_by_chance, shared_energy
from grokking.metrics.losses import losses
from grokking.metrics.registry import METRICS, Row, Scope, chosen, measured
from grokking.metrics.registry import PROGRESS as PROGRESS_METRICS
from grokking.progress_bar import shown
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.run_directory import PROGRESS
from grokking.tasks import family_of
from grokking.tasks.pairs import GroupGrid
from grokking.tasks.split import Split

NO_EPOCH = ("key_frequencies", "key_blocks", "circle_frequency")
"""Names (before an operation's suffix) of what is recorded once for the whole run."""


def measure_progress(
    run: Run, operations: Sequence[str] | None = None, measures: Sequence[str] = ()
) -> dict[str, Any]:
    """The content of ``progress.json``; lists align with its ``"epochs"``.

    operations: those whose waves are measured, by default all that have a group.  With several
    operations in a task each value has its operation as a suffix, as in ``history.json``, and the record
    says what their circuits share: ``neurons_serving_…`` and ``shared_energy_…``, the latter one value per
    key frequency (``grokking.metrics.circuit_overlap``).
    Restricted and excluded losses are null where the final model has no key frequency; without a
    split there are no train and test values.  measures: names of further metrics, besides those that the
    run's config names.

    Raises UserError for an operation that the run lacks or that has no group, and for a metric that its task
    does not have or that is not one of checkpoints.
    """
    any_view, names = RunView(run), _operations(run, operations)
    extra = _extra(run, measures)
    views = [any_view.for_operation(name) for name in names]
    keys = {view.name: view.keys for view in views}
    circles = {view.name: view.circle for view in views}
    rows = [
        measure_checkpoint(any_view.acts_at(epoch), run.split, keys, circles, extra)
        for epoch in shown(run.epochs, f"{run.name}: progress measures")
    ]
    record: dict[str, Any] = {"config": run.config.as_dict()}
    for view in views:
        keys_name = column_name("key_frequencies", view.grid.group)
        record[keys_name + view.suffix] = block_names(view.grid.group, view.keys)
        record["circle_frequency" + view.suffix] = view.circle
    return {**record, "epochs": run.epochs, **{key: [row[key] for row in rows] for key in rows[0]}}


def _extra(run: Run, measures: Sequence[str]) -> list[str]:
    """The names of metrics of checkpoints that must be asked for, and are."""
    for name in measures:
        if METRICS.get(name).when != PROGRESS_METRICS:
            raise UserError(
                f"metric {name!r} is taken while a run is trained; give it to grokking train --measures"
            )
    own = [name for name in run.config.extra_measures if METRICS.get(name).when == PROGRESS_METRICS]
    return list(dict.fromkeys([*own, *measures]))


def measure_and_write(
    path: Path | str, operations: Sequence[str] | None = None, measures: Sequence[str] = ()
) -> Path:
    """Measure the run in a directory and (re)write its ``progress.json``; returns where that is."""
    run = Run(path)
    with run.directory.writing():  # refused now, not after minutes of measuring
        return run.directory.write_derived(PROGRESS, measure_progress(run, operations, measures))


def ensure_measured(path: Path | str) -> Path | None:
    """``measure_and_write``, unless the file that is there is whole and belongs to the run as it is.

    A run without pairs has no such measures: None.
    """
    run = Run(path)
    if not run.has_pairs:
        return None
    try:
        read_progress(run)
    except UserError:
        return measure_and_write(path)
    return run.directory.path / PROGRESS


def read_progress(run: Run) -> dict[str, Any]:
    """The run's ``progress.json``.

    Raises UserError if it was not measured, or before the run went on; DamagedFile for damage.
    """
    path = run.directory.path / PROGRESS
    again = command("measure", run.directory.path)
    if not path.exists():
        raise UserError(f"{path} does not exist; {again} makes it")
    record = run.directory.derived(PROGRESS)
    if not isinstance(record, dict) or not {"config", "epochs"} <= set(record):
        raise DamagedFile(
            f"{path} is damaged, or was not made by this project: it has no config or no epochs"
        )
    # As configs, not as records: a field that is newer than the file has its default.
    if record["epochs"] != run.epochs or RunConfig.from_dict(record["config"]) != run.config:
        raise UserError(f"{path} was measured on other checkpoints than are here now; {again} measures again")
    for name, values in record.items():
        if isinstance(values, list) and not name.startswith(NO_EPOCH) and len(values) != len(run.epochs):
            raise DamagedFile(
                f"{path} is damaged: {name} has {len(values)} values for {len(run.epochs)} epochs"
            )
    return record


def measure_checkpoint(
    acts: ActivationCache,
    split: Split | None,
    keys: Mapping[str, Sequence[int]],
    circles: Mapping[str, int | None],
    extra: Sequence[str] = (),
) -> Row:
    """All progress measures of one checkpoint.

    keys: by operation, the key frequencies of the final model; none if the run never grokked.
    circles: by operation, the dominant frequency of the final model that has a circle, or None.
    Operations that are in neither are measured by their losses alone.  extra: names of further metrics.
    """
    grids = {name: _grid(acts, name) for name in keys}
    scopes = [
        Scope(acts, split, name, grid, tuple(keys[name]), circles[name]) for name, grid in grids.items()
    ]
    taken = chosen(acts.task, PROGRESS_METRICS, extra)
    row = losses(acts, split) | measured(taken, acts, [Scope(acts, split), *scopes])
    return row | (_overlap(acts, grids, keys) if len(keys) > 1 else {})


def _grid(acts: ActivationCache, operation: str) -> GroupGrid:
    grid = acts.task.grid(operation)
    if grid is None:
        raise ValueError(f"{operation} has no cyclic group")
    return grid


def _overlap(acts: ActivationCache, grids: Mapping[str, GroupGrid], keys: Mapping[str, Sequence[int]]) -> Row:
    """Neurons and directions of W_E that the operations share."""
    neurons = {name: fit_and_shares(acts, name, grid) for name, grid in grids.items()}
    alive = np.any([fit.alive for fit, _ in neurons.values()], axis=0)
    owned = {name: fit.alive & (shares.owner > 0) for name, (fit, shares) in neurons.items()}
    row: Row = {f"neurons_serving_{names}": value for names, value in neurons_serving(owned, alive).items()}
    directions = directions_of(acts, {name: (grid.cyclic, keys[name]) for name, grid in grids.items()})
    for name, other in permutations(keys, 2):
        shared = shared_energy(directions, name, other)
        row[f"shared_energy_{name}_with_{other}"] = list(shared.values()) or None
        row[f"shared_energy_{name}_with_{other}_by_chance"] = shared_by_chance(directions, other)
    return row


def _operations(run: Run, asked: Sequence[str] | None) -> list[str]:
    """The operations to measure: those chosen, or all that have a group."""
    names = run.pair_task.names if asked is None else asked
    grouped = [name for name in names if run.pair_task.grid(name) is not None]
    for name in names:
        if asked is not None and name not in grouped:
            raise UserError(
                f"{name} has no group, so no progress measures; "
                "leave --operation out to measure losses and norms alone"
            )
    return grouped


def handler(run: Run, command: str) -> Callable[..., Any] | None:
    """What a command does for the runs of a family, where that is not what it does for all others."""
    own = family_of(run.config.task).handlers.get(command)
    if own is None:
        return None
    module, name = own.split(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def measure_run(path: Path, operations: Sequence[str] | None = None, measures: Sequence[str] = ()) -> Path:
    """Measure a run and write the file of its measures; returns where that is.

    operations: whose measures, None for all.  measures: names of further metrics.  Raises UserError for an
    operation that the run lacks, or a metric that its task does not have.
    """
    run = Run(path)
    measure = handler(run, "measure")
    if measure is None:
        return measure_and_write(path, operations, measures)
    if operations or measures:
        raise UserError(f"{path} is a run of {run.config.task}; leave --operation and --measures out")
    written: Path = measure(path)
    return written


def tables(paths: Sequence[Path]) -> str:
    """Tables of measured runs, in markdown.

    Raises UserError where a run is of a family that has no such tables.
    """
    runs = [Run(path) for path in paths]
    makers = {handler(run, "tables") for run in runs}
    maker = makers.pop() if len(makers) == 1 else None
    if maker is None:
        raise UserError(
            "--markdown prints tables of kinematics runs; grokking compare --markdown takes any run"
        )
    text: str = maker(runs)
    return text

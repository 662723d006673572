"""``progress.json``: the progress measures of a run, one value per checkpoint.

The final model says which frequencies matter; its set serves every epoch (docs/definitions.md, "Neurons").
"""

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError, command
from grokking.metrics import embedding as emb
from grokking.metrics.activations import ActivationCache
from grokking.metrics.circuit_overlap import (
    directions_of,
    neurons_serving,
    shared_by_chance,
    shared_energy,
    single_frequency_share,
)
from grokking.metrics.logits import GroupLogits
from grokking.metrics.losses import losses
from grokking.metrics.neurons import (
    SinusoidFit,
    VarianceShares,
    fit_sinusoids,
    mean_by_answer,
    variance_shares,
)
from grokking.metrics.norms import matrix_norms, weight_norm
from grokking.metrics.registry import SHARE_DIGITS, Row, suffix_of
from grokking.progress_bar import shown
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.run_directory import PROGRESS
from grokking.tasks.pairs import GroupGrid
from grokking.tasks.split import Split

NO_EPOCH = ("key_frequencies", "circle_frequency")
"""Names (before an operation's suffix) of what is recorded once for the whole run."""


def measure_progress(run: Run, operations: Sequence[str] | None = None) -> dict[str, Any]:
    """The content of ``progress.json``; lists align with its ``"epochs"``.

    operations: those whose waves are measured, by default all that have a cyclic group.  With several
    operations in a task each value has its operation as a suffix, as in ``history.json``, and the record
    says what their circuits share: ``neurons_serving_…`` and ``shared_energy_…``, the latter one value per
    key frequency (``grokking.metrics.circuit_overlap``).
    Restricted and excluded losses are null where the final model has no key frequency; without a
    split there are no train and test values.

    Raises UserError for an operation that the run lacks or that has no group.
    """
    any_view, names = RunView(run), _operations(run, operations)
    views = [any_view.for_operation(name) for name in names]
    keys = {view.name: view.keys for view in views}
    circles = {view.name: view.circle for view in views}
    rows = [
        measure_checkpoint(any_view.acts_at(epoch), run.split, keys, circles)
        for epoch in shown(run.epochs, f"{run.name}: progress measures")
    ]
    record: dict[str, Any] = {"config": run.config.as_dict()}
    for view in views:
        record["key_frequencies" + view.suffix] = list(view.keys)
        record["circle_frequency" + view.suffix] = view.circle
    return {**record, "epochs": run.epochs, **{key: [row[key] for row in rows] for key in rows[0]}}


def measure_and_write(path: Path | str, operations: Sequence[str] | None = None) -> Path:
    """Measure the run in a directory and (re)write its ``progress.json``; returns where that is."""
    run = Run(path)
    with run.directory.writing():  # refused now, not after minutes of measuring
        return run.directory.write_derived(PROGRESS, measure_progress(run, operations))


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
        raise DamagedFile(f"{path} is damaged or not ours: it has no config or no epochs")
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
) -> Row:
    """All progress measures of one checkpoint.

    keys: by operation, the key frequencies of the final model; none if the run never grokked.
    circles: by operation, the dominant frequency of the final model that has a circle, or None.
    Operations that are in neither are measured by their losses alone.
    """
    row = losses(acts, split)
    # A file's weights come in any order, and the last bit of a sum depends on it.
    weights = {name: acts.weights[name] for name in acts.shape.parameter_shapes()}
    row["weight_norm"] = weight_norm(weights)
    row |= {f"norm_{name}": value for name, value in matrix_norms(weights).items()}
    grids = {name: _grid(acts, name) for name in keys}
    neurons = {name: _neurons(acts, grid) for name, grid in grids.items()}
    for name, grid in grids.items():
        measured = _by_neuron(*neurons[name]) | _embedding(acts, name, circles[name])
        measured |= _logits(acts, split, grid, keys[name])
        row |= {key + suffix_of(name, acts.task): value for key, value in measured.items()}
    return row | (_overlap(acts, keys, neurons) if len(keys) > 1 else {})


def _grid(acts: ActivationCache, operation: str) -> GroupGrid:
    grid = acts.task.grid(operation)
    if grid is None:
        raise ValueError(f"{operation} has no cyclic group")
    return grid


def _neurons(acts: ActivationCache, grid: GroupGrid) -> tuple[SinusoidFit, VarianceShares]:
    neurons = acts.neuron_grid(grid)
    return fit_sinusoids(mean_by_answer(neurons, grid.sign)), variance_shares(neurons)


def _by_neuron(fit: SinusoidFit, shares: VarianceShares) -> Row:
    return {
        "fourier_strength": fit.fourier_strength,
        "neuron_fve": float(shares.fve[fit.alive].mean()) if fit.alive.any() else None,
        "neuron_owned_share": float((shares.owner > 0).mean()),
        "single_frequency_share": single_frequency_share(shares, fit.alive),
    }


def _overlap(
    acts: ActivationCache,
    keys: Mapping[str, Sequence[int]],
    neurons: Mapping[str, tuple[SinusoidFit, VarianceShares]],
) -> Row:
    """Neurons and directions of W_E that the operations share."""
    alive = np.any([fit.alive for fit, _ in neurons.values()], axis=0)
    owned = {name: fit.alive & (shares.owner > 0) for name, (fit, shares) in neurons.items()}
    row: Row = {f"neurons_serving_{names}": value for names, value in neurons_serving(owned, alive).items()}
    directions = directions_of(acts, {name: (_grid(acts, name).group, keys[name]) for name in keys})
    for name, other in permutations(keys, 2):
        shared = shared_energy(directions, name, other)
        row[f"shared_energy_{name}_with_{other}"] = list(shared.values()) or None
        row[f"shared_energy_{name}_with_{other}_by_chance"] = shared_by_chance(directions, other)
    return row


def _embedding(acts: ActivationCache, operation: str, circle: int | None) -> Row:
    embedding = acts.embedding(operation)
    at_final_k = None if circle is None else emb.embedding_circularity(embedding, circle)
    return {"gini": emb.gini(embedding), "embedding_circularity_final_k": at_final_k}


def _logits(acts: ActivationCache, split: Split | None, grid: GroupGrid, keys: Sequence[int]) -> Row:
    logits = GroupLogits.of(acts, grid, split)
    fve = logits.fve()
    row: Row = {**logits.full_losses(), **logits.restricted_losses(keys)}
    if split is not None:
        row["excluded_loss"], row["excluded_loss_by_frequency"] = logits.excluded_losses(keys)
    row["logit_fve"] = float(fve[np.array(keys, dtype=int) - 1].sum())
    if not keys:
        # A sum over no frequency is a number, but it would measure nothing.
        row = {name: value if name.startswith("group") else None for name, value in row.items()}
    row["logit_fve_all"] = float(fve.sum())
    row["logit_fve_by_frequency"] = [float(f"{x:.{SHARE_DIGITS}g}") for x in fve]
    return row


def _operations(run: Run, chosen: Sequence[str] | None) -> list[str]:
    """The operations to measure: those chosen, or all that have a group."""
    names = run.pair_task.names if chosen is None else chosen
    grouped = [name for name in names if run.pair_task.grid(name) is not None]
    for name in names:
        if chosen is not None and name not in grouped:
            raise UserError(
                f"{name} has no cyclic group, so no progress measures; "
                "leave --operation out to measure losses and norms alone"
            )
    return grouped

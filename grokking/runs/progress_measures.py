"""``progress.json``: the progress measures of a run, one value per checkpoint that was kept.

The final model says which frequencies matter; its set serves every epoch (definitions, "Neurons").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.metrics import embedding as emb
from grokking.metrics.activations import ActivationCache
from grokking.metrics.block_names import block_names, column_name
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
    key_frequencies,
    mean_by_answer,
    variance_shares,
)
from grokking.metrics.norms import matrix_norms, weight_norm
from grokking.metrics.registry import Row, suffix_of
from grokking.progress_bar import shown
from grokking.runs.logit_measures import logit_measures
from grokking.runs.run import Run
from grokking.storage.run_directory import PROGRESS
from grokking.tasks.pairs import GroupGrid
from grokking.tasks.split import Split

NO_EPOCH = ("key_frequencies", "key_blocks", "circle_frequency")
"""Names (before an operation's suffix) of what is recorded once for the whole run."""


@dataclass(frozen=True)
class FinalModel:
    """What the last checkpoint decides for every epoch of one operation.

    key_frequencies: may be empty, if the run never grokked; numbers of blocks for a group that is not cyclic.
    circle: the frequency of the largest share of the embedding among those with a circle, None if there is
    none, as in a group that is not cyclic.
    """

    grid: GroupGrid
    key_frequencies: list[int]
    circle: int | None

    @classmethod
    def of(cls, seen: ActivationCache, operation: str, grid: GroupGrid) -> "FinalModel":
        """Read from the last checkpoint."""
        basis = grid.group.basis
        found = key_frequencies(variance_shares(seen.neuron_grid(grid), basis))
        return cls(grid, found, emb.dominant_circle(seen.embedding(operation), basis))


def measure_progress(run: Run, operations: Sequence[str] | None = None) -> dict[str, Any]:
    """The content of ``progress.json``; lists align with its ``"epochs"``.

    operations: whose waves or blocks to measure, by default all that have a group.  With several
    operations in a task each value has its operation as a suffix, as in ``history.json``, and there is
    what their circuits share: ``neurons_serving_…`` and ``shared_energy_…``, the latter one value per
    key frequency (``grokking.metrics.circuit_overlap``).
    Restricted and excluded losses are null where the final model has no key frequency; without a
    split there are no train and test values.

    Raises UserError for an operation that the run lacks or that has no group.
    """
    names = _operations(run, operations)
    last = run.observe(run.final_epoch)
    final = {name: FinalModel.of(last, name, grid) for name, grid in names.items()}
    rows = [
        measure_checkpoint(run.observe(epoch), run.split, final)
        for epoch in shown(run.epochs, f"{run.name}: progress measures")
    ]
    record: dict[str, Any] = {"config": run.config.as_dict()}
    for name, model in final.items():
        suffix = suffix_of(name, last.task)
        group = model.grid.group
        keys = block_names(group, model.key_frequencies)
        record[column_name("key_frequencies", group) + suffix] = keys
        record["circle_frequency" + suffix] = model.circle
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
    if not path.exists():
        raise UserError(f"{path} does not exist; python measure_progress.py {run.directory.path} makes it")
    record = run.directory.derived(PROGRESS)
    if not isinstance(record, dict) or not {"config", "epochs"} <= set(record):
        raise DamagedFile(f"{path} is damaged or not ours: it has no config or no epochs")
    # As configs, not as records: a field that is newer than the file has its default.
    if record["epochs"] != run.epochs or RunConfig.from_dict(record["config"]) != run.config:
        raise UserError(
            f"{path} was measured on other checkpoints than are here now; "
            f"python measure_progress.py {run.directory.path} measures again"
        )
    for name, values in record.items():
        if isinstance(values, list) and not name.startswith(NO_EPOCH) and len(values) != len(run.epochs):
            raise DamagedFile(
                f"{path} is damaged: {name} has {len(values)} values for {len(run.epochs)} epochs"
            )
    return record


def measure_checkpoint(seen: ActivationCache, split: Split | None, final: dict[str, FinalModel]) -> Row:
    """All progress measures of one checkpoint; ``final`` by operation."""
    row = losses(seen, split)
    # A file's weights come in any order, and the last bit of a sum depends on it.
    weights = {name: seen.weights[name] for name in seen.shape.parameter_shapes()}
    row["weight_norm"] = weight_norm(weights)
    row |= {f"norm_{name}": value for name, value in matrix_norms(weights).items()}
    neurons = {name: _neurons(seen, model) for name, model in final.items()}
    for name, model in final.items():
        measured = _by_neuron(*neurons[name]) | _embedding(seen, name, model)
        measured |= logit_measures(GroupLogits.of(seen, model.grid, split), model.key_frequencies)
        measured = {column_name(key, model.grid.group): value for key, value in measured.items()}
        row |= {key + suffix_of(name, seen.task): value for key, value in measured.items()}
    return row | (_overlap(seen, final, neurons) if len(final) > 1 else {})


def _neurons(seen: ActivationCache, model: FinalModel) -> tuple[SinusoidFit, VarianceShares]:
    grid, basis = seen.neuron_grid(model.grid), model.grid.group.basis
    return fit_sinusoids(mean_by_answer(grid, model.grid.s), basis), variance_shares(grid, basis)


def _by_neuron(fit: SinusoidFit, shares: VarianceShares) -> Row:
    return {
        "fourier_strength": fit.fourier_strength,
        "neuron_fve": float(shares.fve[fit.alive].mean()) if fit.alive.any() else None,
        "neuron_owned_share": float((shares.owner > 0).mean()),
        "single_frequency_share": single_frequency_share(shares, fit.alive),
    }


def _overlap(
    seen: ActivationCache,
    final: dict[str, FinalModel],
    neurons: dict[str, tuple[SinusoidFit, VarianceShares]],
) -> Row:
    """Neurons and directions of W_E that the operations share."""
    alive = np.any([fit.alive for fit, _ in neurons.values()], axis=0)
    owned = {name: fit.alive & (shares.owner > 0) for name, (fit, shares) in neurons.items()}
    row: Row = {f"neurons_serving_{names}": value for names, value in neurons_serving(owned, alive).items()}
    keys = {name: (model.grid.cyclic, model.key_frequencies) for name, model in final.items()}
    directions = directions_of(seen, keys)
    for name, other in permutations(final, 2):
        shared = shared_energy(directions, name, other)
        row[f"shared_energy_{name}_with_{other}"] = list(shared.values()) or None
        row[f"shared_energy_{name}_with_{other}_by_chance"] = shared_by_chance(directions, other)
    return row


def _embedding(seen: ActivationCache, operation: str, model: FinalModel) -> Row:
    embedding = seen.embedding(operation)
    at_final_k = None if model.circle is None else emb.embedding_circularity(embedding, model.circle)
    return {"gini": emb.gini(embedding, model.grid.group.basis), "embedding_circularity_final_k": at_final_k}


def _operations(run: Run, chosen: Sequence[str] | None) -> dict[str, GroupGrid]:
    """The group grid of every operation to measure."""
    grids = {name: run.pair_task.grid(name) for name in (run.pair_task.names if chosen is None else chosen)}
    for name, grid in grids.items():
        if grid is None and chosen is not None:
            raise UserError(
                f"{name} has no group, so no progress measures; "
                "leave --operation out to measure losses and norms alone"
            )
    return {name: grid for name, grid in grids.items() if grid is not None}

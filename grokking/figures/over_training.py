"""Quantities over training: measured once per checkpoint, shared by all figures that show them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from grokking.errors import DamagedFile, UserError
from grokking.groups.cyclic import has_discrete_logarithms
from grokking.metrics.activations import ActivationCache
from grokking.metrics.block_names import column_name
from grokking.metrics.components import principal_components
from grokking.metrics.logits import GroupLogits, wave_coefficients
from grokking.metrics.neurons import fit_sinusoids, mean_by_answer
from grokking.metrics.phases import Phases, phases_of_run
from grokking.metrics.readout import effective_rank, neuron_logit_map, readout_gini, readout_share
from grokking.metrics.token_ordering import order_spectrum, orders_of
from grokking.runs.progress_measures import measure_checkpoint, read_progress
from grokking.runs.view import RunView

MOST_EPOCHS = 160
"""Of a run with more checkpoints, about evenly chosen ones are measured."""
MOST_ROWS = 100
"""Epochs whose weights are held together for their principal components: 1 MB each."""
R2_BINS = np.linspace(0, 1, 26)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
PROGRESS = "progress"
"""The part that ``progress.json`` saves measuring."""
CORRECT = "correct"
Measured = dict[str, Any]
MeasurePart = Callable[[RunView, ActivationCache], Measured]


@dataclass(frozen=True)
class Part:
    """Something that can be measured at one epoch. needs_group: only of an operation with a group."""

    measure: MeasurePart
    needs_group: bool


PARTS: dict[str, Part] = {}
"""What can be measured at one epoch, by the name that figures ask for."""


def part(name: str, needs_group: bool = True) -> Callable[[MeasurePart], MeasurePart]:
    """Register the function below; a module of ``plots`` may add a part that its figures need."""

    def register(measure: MeasurePart) -> MeasurePart:
        PARTS[name] = Part(measure, needs_group)
        return measure

    return register


@part("weights")
def _weights(view: RunView, acts: ActivationCache) -> Measured:
    readout = neuron_logit_map(acts, view.grid)
    return {
        "readout_gini": readout_gini(readout, view.basis),
        "readout_share": readout_share(readout, view.basis),
        "readout_rank": effective_rank(readout),
        "embedding_rank": effective_rank(acts.embedding(view.name)),
    }


@part("neurons")
def _neurons(view: RunView, acts: ActivationCache) -> Measured:
    fit = fit_sinusoids(mean_by_answer(acts.neuron_grid(view.grid), view.grid.s), view.basis)
    counts, _ = np.histogram(fit.r2[fit.alive], R2_BINS)
    return {"r2_counts": counts, "fourier_strength": fit.fourier_strength}


@part("pairs", needs_group=False)
def _pairs(view: RunView, acts: ActivationCache) -> Measured:
    losses, correct = acts.losses_and_correct
    found: Measured = {CORRECT: correct[view.rows]}
    for name, rows in view.parts.items():
        found[f"loss_quantiles_{name}"] = np.quantile(losses[rows], QUANTILES)
    return found


@part("waves")
def _waves(view: RunView, acts: ActivationCache) -> Measured:
    return {"waves": wave_coefficients(GroupLogits.of(acts, view.grid, None).table)}


@part(PROGRESS, needs_group=False)
def _progress(view: RunView, acts: ActivationCache) -> Measured:
    if view.group is None:
        return measure_checkpoint(acts, view.run.split, {}, {})
    return measure_checkpoint(acts, view.run.split, {view.name: view.keys}, {view.name: view.circle})


@part("orders")
def _orders(view: RunView, acts: ActivationCache) -> Measured:
    found: Measured = {}
    if not has_discrete_logarithms(view.run.pair_task.p):
        return found
    for name, group in orders_of(view.run.pair_task.p).items():
        spectrum = order_spectrum(acts, group, view.name)
        found |= {
            f"{name}_order_share": spectrum.share,
            f"{name}_order_gini": spectrum.gini,
            f"{name}_order_null": spectrum.null,
        }
    return found


@dataclass(frozen=True)
class OverTraining:
    """What was measured. Lists of ``values`` align with ``epochs``, those of ``record`` with its own.

    record: as ``progress.json``, {} where it was not needed.  suffix: what ends the names of the
    operation's values there.  phases: the first one alone where there is no curve to find them on.
    """

    epochs: list[int] = field(default_factory=list)
    values: Mapping[str, list[Any]] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = ""
    phases: Phases = field(default_factory=Phases)

    def __getitem__(self, name: str) -> np.ndarray:
        """Values over ``epochs``: float64 [E, …] with NaN for what does not exist; "correct" is bool."""
        values = self.values[name]
        return np.array(values) if name == CORRECT else np.array(values, dtype=float)

    def progress(self, name: str) -> np.ndarray:
        """A progress measure over ``progress_epochs``, float64 [E, …], NaN where it does not exist.

        name: as cyclic groups have it. What other groups have by the labels of key blocks is in their order.
        """
        names = (name + self.suffix, name, name.replace("frequency", "block"))
        rows: Any = next((self.record[known] for known in names if known in self.record), [])
        return np.array([list(row.values()) if isinstance(row, dict) else row for row in rows], dtype=float)

    @property
    def progress_epochs(self) -> np.ndarray:
        """Epochs of ``progress``, int64."""
        return np.array(self.record.get("epochs", []), dtype=int)


def chosen_epochs(epochs: Sequence[int], most: int = MOST_EPOCHS) -> list[int]:
    """All epochs with a checkpoint, or about evenly chosen ones with the first and the last."""
    if len(epochs) <= most:
        return list(epochs)
    return [epochs[round(i * (len(epochs) - 1) / (most - 1))] for i in range(most)]


def known_progress(view: RunView) -> Mapping[str, Any] | None:
    """``progress.json`` of the run; None if the run was not measured, or not on these checkpoints.

    Raises DamagedFile.
    """
    try:
        record = read_progress(view.run)
    except DamagedFile:
        raise
    except UserError:
        return None
    return record if "weight_norm" in record and _has_operation(view, record) else None


def _has_operation(view: RunView, record: Mapping[str, Any]) -> bool:
    return view.group is None or column_name("key_frequencies", view.group) + view.suffix in record


def parts_to_measure(needs: set[str], view: RunView) -> list[str]:
    """Those of the needed parts that have a meaning for the operation and are not measured yet."""
    parts = {name for name in needs if view.group is not None or not PARTS[name].needs_group}
    if PROGRESS in parts and known_progress(view) is not None:
        parts.remove(PROGRESS)
    return sorted(parts)


def measure(view: RunView, epoch: int, parts: Sequence[str]) -> Measured:
    """The named parts at one epoch."""
    acts = view.acts_at(epoch)
    found: Measured = {}
    for name in parts:
        # As a part of its own, since names of progress.json occur elsewhere, too.
        values = PARTS[name].measure(view, acts)
        found |= {PROGRESS: values} if name == PROGRESS else values
    return found


def gather(view: RunView, epochs: list[int], rows: Sequence[Measured]) -> OverTraining:
    """Rows of ``measure`` at these epochs, and progress measures, to one record."""
    names = [name for name in (rows[0] if rows else {}) if name != PROGRESS]
    record = known_progress(view)
    if record is None and rows and PROGRESS in rows[0]:
        columns = {name: [row[PROGRESS][name] for row in rows] for name in rows[0][PROGRESS]}
        record = {"config": view.run.config.as_dict(), "epochs": epochs, **columns}
    phases = Phases()
    if record:
        phases = phases_of_run(view.run.history, record, view.name if view.suffix else None)
    values = {name: [row[name] for row in rows] for name in names}
    return OverTraining(epochs, values, record or {}, view.suffix, phases)


def weight_components(view: RunView, m: int) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Epochs, scores [E, m] and shares of variance [m] of all weights over training."""
    epochs = chosen_epochs(view.run.epochs, MOST_ROWS)
    names = list(view.run.shape.parameter_shapes())
    rows = []
    for epoch in epochs:
        weights = view.run.weights(epoch)
        rows.append(np.concatenate([weights[name].numpy().ravel() for name in names]))
    found = principal_components(np.stack(rows), m)
    return epochs, found.scores, found.shares

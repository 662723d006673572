"""Quantities over training: measured once per kept epoch, shared by all plates that show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grokking.errors import DamagedFile, UserError
from grokking.metrics.activations import ActivationCache
from grokking.metrics.components import principal_components
from grokking.metrics.logits import GroupLogits, wave_coefficients
from grokking.metrics.neurons import fit_sinusoids, mean_by_answer
from grokking.metrics.readout import effective_rank, neuron_logit_map, readout_gini, readout_share
from grokking.metrics.token_ordering import order_spectrum, orders_of
from grokking.runs.progress_measures import FinalModel, measure_checkpoint, read_progress

if TYPE_CHECKING:
    from grokking.figures.scene import Scene

MOST_EPOCHS = 160
"""Of a run that keeps more weights, about evenly chosen ones."""
MOST_ROWS = 100
"""Epochs whose weights are held together for their principal components: 1 MB each."""
R2_BINS = np.linspace(0, 1, 26)
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
Measured = dict[str, Any]


def _weights(scene: "Scene", seen: ActivationCache) -> Measured:
    readout = neuron_logit_map(seen, scene.grid)
    return {
        "readout_gini": readout_gini(readout),
        "readout_share": readout_share(readout),
        "readout_rank": effective_rank(readout),
        "embedding_rank": effective_rank(seen.embedding(scene.operation.name)),
    }


def _neurons(scene: "Scene", seen: ActivationCache) -> Measured:
    fit = fit_sinusoids(mean_by_answer(seen.neuron_grid(scene.grid), scene.grid.s))
    counts, _ = np.histogram(fit.r2[fit.alive], R2_BINS)
    return {"r2_counts": counts, "fourier_strength": fit.fourier_strength}


def _pairs(scene: "Scene", seen: ActivationCache) -> Measured:
    losses, correct = seen.losses_and_correct
    found: Measured = {"hits": correct[scene.rows]}
    for part, rows in scene.parts.items():
        found[f"loss_quantiles_{part}"] = np.quantile(losses[rows], QUANTILES)
    return found


def _waves(scene: "Scene", seen: ActivationCache) -> Measured:
    return {"waves": wave_coefficients(GroupLogits.of(seen, scene.grid, None).table)}


def _progress(scene: "Scene", seen: ActivationCache) -> Measured:
    final = (
        {}
        if scene.group is None
        else {scene.operation.name: FinalModel(scene.grid, list(scene.keys), scene.circle)}
    )
    return measure_checkpoint(seen, scene.run.split, final)


def _orders(scene: "Scene", seen: ActivationCache) -> Measured:
    found: Measured = {}
    for name, group in orders_of(scene.run.pair_task.p).items():
        spectrum = order_spectrum(seen, group, scene.operation.name)
        found |= {
            f"{name}_order_share": spectrum.share,
            f"{name}_order_gini": spectrum.gini,
            f"{name}_order_null": spectrum.null,
        }
    return found


PARTS = {
    "orders": _orders,
    "weights": _weights,
    "neurons": _neurons,
    "pairs": _pairs,
    "waves": _waves,
    "progress": _progress,
}
"""What can be measured at one epoch, by the name that plates ask for."""


@dataclass(frozen=True)
class OverTraining:
    """What was measured. Lists of ``values`` align with ``epochs``, those of ``progress`` with its own.

    progress: as ``progress.json``.
    """

    epochs: list[int]
    values: Mapping[str, list[Any]]
    progress: Mapping[str, Any]

    def __getitem__(self, name: str) -> np.ndarray:
        """Values over ``epochs``, float64 [E, …] with NaN for what does not exist, bool for hits."""
        values = self.values[name]
        return np.array(values) if name == "hits" else np.array(values, dtype=float)


def chosen_epochs(kept: Sequence[int], most: int = MOST_EPOCHS) -> list[int]:
    """All kept epochs, or about evenly chosen ones with the first and the last."""
    if len(kept) <= most:
        return list(kept)
    return [kept[round(i * (len(kept) - 1) / (most - 1))] for i in range(most)]


def known_progress(scene: "Scene") -> Mapping[str, Any] | None:
    """``progress.json`` of the run, None if it was not measured, or not of these checkpoints.

    Raises DamagedFile.
    """
    try:
        record = read_progress(scene.run)
    except DamagedFile:
        raise
    except UserError:
        return None
    return record if "weight_norm" in record and _has_operation(scene, record) else None


def _has_operation(scene: "Scene", record: Mapping[str, Any]) -> bool:
    return scene.group is None or "key_frequencies" + scene.suffix in record


def measure(scene: "Scene", epoch: int, parts: Sequence[str]) -> Measured:
    """The named parts at one epoch."""
    seen = scene.observe(epoch)
    found: Measured = {}
    for part in parts:
        # As a part of its own, since names of progress.json occur elsewhere, too.
        values = PARTS[part](scene, seen)
        found |= {"progress": values} if part == "progress" else values
    return found


def gather(scene: "Scene", epochs: list[int], rows: Sequence[Measured]) -> OverTraining:
    """Rows of ``measure`` at these epochs, and progress measures, to one record."""
    names = [name for name in (rows[0] if rows else {}) if name != "progress"]
    progress = known_progress(scene)
    if progress is None and rows and "progress" in rows[0]:
        columns = {name: [row["progress"][name] for row in rows] for name in rows[0]["progress"]}
        progress = {"config": scene.run.config.as_dict(), "epochs": epochs, **columns}
    return OverTraining(epochs, {name: [row[name] for row in rows] for name in names}, progress or {})


def weight_components(scene: "Scene", m: int) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Epochs, scores [E, m] and shares of variance [m] of all weights over training."""
    epochs = chosen_epochs(scene.run.epochs, MOST_ROWS)
    names = list(scene.run.shape.parameter_shapes())
    rows = []
    for epoch in epochs:
        weights = scene.run.weights(epoch)
        rows.append(np.concatenate([weights[name].numpy().ravel() for name in names]))
    found = principal_components(np.stack(rows), m)
    return epochs, found.scores, found.shares

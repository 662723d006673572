"""``kinematics.json``: how a kinematics network answers, and what can be read from its layers.

The same probes are also taken of an untrained network of the same seed and with shuffled targets: a number
that either of these reaches says nothing about learning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from grokking.config import RunConfig
from grokking.engines import lookup as general
from grokking.errors import DamagedFile, UserError, command
from grokking.from_config import initial_weights
from grokking.metrics.activations import ActivationCache
from grokking.metrics.heights import Baselines, answered_bins, parts_of, score
from grokking.metrics.probes import TARGETS, probe
from grokking.models.transformer.network import token_embeddings
from grokking.runs.run import Run
from grokking.storage.run_directory import KINEMATICS_MEASURES
from grokking.tasks.kinematics import QUANTITIES, KinematicsTask

MAX_ROWS = 4000
"""Rows that the layers are probed on, drawn once among those with trained values."""
BASELINES = {
    "nearest": "answer of the nearest trained combination",
    "middle": "always the median height",
    "commonest": "always the commonest answer",
}
MIN_VALUES = 8
"""Trained values that every quantity must have, so that folds can hold some out twice."""
LAYERS = ("embedding", "before the MLP", "neurons", "after the MLP")


def kinematics_task(run: Run) -> KinematicsTask:
    """The run's heights; raises UserError unless its task is kinematics."""
    if isinstance(run.task, KinematicsTask):
        return run.task
    raise UserError(
        f"{run.directory.path} is a run of {run.task.title}, not of kinematics; "
        "grokking train --task kinematics makes such runs"
    )


def measure_and_write(path: Path | str) -> Path:
    """Measure the last checkpoint of the run in a directory; returns where ``kinematics.json`` is."""
    run = Run(path)
    with run.directory.writing():
        return run.directory.write_derived(KINEMATICS_MEASURES, measure_kinematics(run))


def measure_kinematics(run: Run) -> dict[str, Any]:
    """The content of ``kinematics.json``.

    Raises UserError if the run is none of kinematics, or its grid too small for the probes.
    """
    task, split = kinematics_task(run), run.known_split
    if min(int(trained.sum()) for trained in task.trained) < MIN_VALUES:
        raise UserError(
            f"{run.directory.path} trains on fewer than {MIN_VALUES} values of a quantity: "
            "too few to probe on unseen ones; train with larger --n_angles, --n_speeds and --n_distances"
        )
    acts = run.observe(run.final_epoch)
    untrained = ActivationCache(initial_weights(run.config), run.shape, task)
    answers = {"network": answered_bins(acts), **vars(Baselines.of(task, split))}
    parts = {
        part: {"rows": len(rows), **{who: score(bins, task, rows) for who, bins in answers.items()}}
        for part, rows in parts_of(task, split).items()
    }
    return {
        "config": run.config.as_dict(),
        "epoch": run.final_epoch,
        "parts": parts,
        "probes": probe_layers(acts),
        "probes_untrained": probe_layers(untrained),
    }


def read_measures(run: Run) -> dict[str, Any]:
    """The run's ``kinematics.json``; raises UserError if it is missing or of an older state."""
    path = run.directory.path / KINEMATICS_MEASURES
    again = command("measure", run.directory.path)
    if not path.exists():
        raise UserError(f"{path} does not exist; {again} makes it")
    record = run.directory.derived(KINEMATICS_MEASURES)
    if not isinstance(record, dict) or not {"config", "epoch", "parts", "probes"} <= set(record):
        raise DamagedFile(f"{path} is damaged, or was not made by this project; {again} makes it again")
    # As configs, not as records: a field that is newer than the file has its default.
    if RunConfig.from_dict(record["config"]) != run.config or record["epoch"] != run.final_epoch:
        raise UserError(f"{path} was measured on another state of the run; {again} measures again")
    return record


def probe_layers(acts: ActivationCache) -> dict[str, dict[str, dict[str, float]]]:
    """R² and its shuffled quantile by layer and target; embeddings have targets of one quantity only."""
    task = acts.task
    rows = task.candidates()
    if len(rows) > MAX_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MAX_ROWS, replace=False))
    vectors = layer_vectors(acts, rows)
    out: dict[str, dict[str, dict[str, float]]] = {layer: {} for layer in LAYERS}
    for depends, group in groupby(TARGETS, key=lambda target: target.depends):
        targets = list(group)
        layers = {name: (x, task.indices[rows]) for name, x in vectors.items()}
        if len(depends) == 1:
            layers["embedding"] = embedding_vectors(acts, depends[0])
        for layer, (x, indices) in layers.items():
            found = probe(x, indices, task, targets)
            out[layer] |= {name: asdict(result) for name, result in found.items()}
    return out


def layer_vectors(acts: ActivationCache, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The last position's vectors at some rows: float32 [rows, d_model or d_mlp] by layer."""
    weights, shape = acts.weights, acts.shape
    tokens = torch.from_numpy(acts.task.tokens[rows]).to(weights["W_E"].device)[None]
    with torch.no_grad():
        before = general.residual_after_attention(general.stack(weights), shape, tokens)[0]
        neurons = acts.outputs.neurons[torch.from_numpy(rows)]
        after = before + neurons @ weights["W_out"] + weights["b_out"]
    found = zip(LAYERS[1:], (before, neurons, after), strict=True)
    return {layer: x.cpu().numpy() for layer, x in found}


def embedding_vectors(acts: ActivationCache, quantity: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings of a quantity's trained values [n, d_model], and their places [n, 3] in the values."""
    task = acts.task
    with torch.no_grad():
        table = token_embeddings(acts.weights, acts.shape).cpu().numpy()
    first = sum(len(values) for values in task.values[:quantity])
    chosen = np.flatnonzero(task.trained[quantity])
    indices = np.zeros((len(chosen), len(QUANTITIES)), dtype=np.int64)
    indices[:, quantity] = chosen
    return table[first + chosen], indices


def markdown(runs: Sequence[Run]) -> str:
    """Tables for a report: the answers of each run and of the baselines, and the probes' medians."""
    records = [read_measures(run) for run in runs]
    names = list(records[0]["parts"])
    lines = [
        "Accuracy, accuracy within one bin, mean absolute error in metres:",
        "",
        "| | epoch | " + " | ".join(names) + " |",
        "| --- | --- |" + " --- |" * len(names),
    ]
    for run, record in zip(runs, records, strict=True):
        lines.append(_score_line(run.name, [record], "network", names, record["epoch"]))
    for who, meaning in BASELINES.items():
        lines.append(_score_line(f"{meaning} (median)", records, who, names))
    lines += [
        "",
        "R² on values that the probe never saw, median of the runs: trained / untrained / shuffled (95 %):",
        "",
        "| | " + " | ".join(LAYERS) + " |",
        "|" + " --- |" * (1 + len(LAYERS)),
    ]
    for target in TARGETS:
        cells = [_probe_cell(records, layer, target.name) for layer in LAYERS]
        lines.append(f"| {target.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _score_line(
    title: str, records: Sequence[Any], who: str, parts: Sequence[str], epoch: int | str = ""
) -> str:
    """One line: the medians over some records of how one way of answering does on every part."""
    cells = []
    for part in parts:
        found = [record["parts"][part][who] for record in records]
        acc, near, mae = (median(f[k] for f in found) for k in ("acc", "within_one", "mae"))
        cells.append(f"{acc:.3f}, {near:.3f}, {mae:.2f}")
    return f"| {title} | {epoch} | " + " | ".join(cells) + " |"


def _probe_cell(records: Sequence[Mapping[str, Any]], layer: str, target: str) -> str:
    if target not in records[0]["probes"][layer]:
        return ""
    values = [
        [
            r["probes"][layer][target]["r2"],
            r["probes_untrained"][layer][target]["r2"],
            r["probes"][layer][target]["shuffled"],
        ]
        for r in records
    ]
    return " / ".join(_brief(median(column)) for column in zip(*values, strict=True))


def _brief(r2: float) -> str:
    return "< 0" if r2 < 0 else f"{r2:.3f}"

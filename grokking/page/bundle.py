"""One operation of a run as the record that the page receives (``data/<id>.js``).

Lists named after metrics align with ``steps`` (in "at_steps") or with their own "epochs" (in
"history", "progress"); ``packed`` arrays have the step as their first axis.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from grokking.audit.over_training import read_series
from grokking.errors import DamagedFile, UserError
from grokking.metrics.embedding import embedding_circularity, frequency_share, gini
from grokking.metrics.phases import Phases, phases_of_run
from grokking.models.activations import activation
from grokking.models.transformer.network import Weights
from grokking.page.measure import Measured, attention_scores, choose_steps, measure
from grokking.page.pack import choose_live, packed, packed_weights, plain
from grokking.runs.progress_measures import read_progress
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.provenance import command_text

LOGGED = (
    "train_loss",
    "test_loss",
    "all_loss",
    "train_acc",
    "test_acc",
    "all_acc",
    "fourier_strength",
    "fourier_strength_null",
    "embedding_circularity",
    "embedding_circularity_null",
    "gini",
    "gini_null",
    "dead_neurons",
)
MEASURED = (
    "restricted_loss",
    "restricted_loss_train",
    "restricted_loss_test",
    "excluded_loss",
    "excluded_loss_by_frequency",
    "group_loss",
    "group_loss_train",
    "group_loss_test",
    "logit_fve",
    "neuron_fve",
    "neuron_owned_share",
    "train_loss",
    "test_loss",
)
SHARE_DECADES = 6
"""Shares of the logits' spectrum are stored as logarithms down to this many decades."""


@dataclass(frozen=True)
class Bundle:
    """record: as above.  live: by epoch, the weights that the page loads when they are asked for."""

    record: dict[str, Any]
    live: dict[int, dict[str, Any]]


def make_bundle(view: RunView, number: int) -> Bundle:
    """Measure one operation and pack what the page shows of it; ``number`` makes its id."""
    run = view.run
    steps = choose_steps(run.epochs, imported=run.config.imported)
    if not run.history["epochs"]:
        raise UserError(f"{run.directory.path} has a history without rows; train the run further")
    progress, why = _progress(run)
    phases = phases_of_run(run.history, progress, view.suffix[1:] or None) if progress else Phases()
    audit, no_audit = _audit(view)
    live = choose_live(steps, run.history, phases.circuit_formation, view.suffix)
    record = {
        **_about(view, number),
        "steps": steps,
        "history": _history(view),
        "progress": _measures(progress, view.suffix),
        "no_progress": why,
        "audit": audit,
        "no_audit": no_audit,
        "grokking_epoch": run.history.get(f"grokking_epoch{view.suffix}"),
        "phases": [list(span) for span in phases.spans(0, run.history["epochs"][-1])] if progress else [],
        "live": {"epochs": live, "foldable": not run.shape.layer_norm},
    }
    weights = {epoch: run.weights(epoch) for epoch in steps}
    record["arrays"] = {
        "W_E": packed(np.array([w["W_E"].numpy() for w in weights.values()])),
        "scores": packed(
            np.array([attention_scores(w, run.shape, view.operation_index) for w in weights.values()])
        ),
    }
    if view.group is not None:
        measured = measure(view, steps)
        record |= _fourier(view, measured, weights)
        record["arrays"] |= _arrays(view, measured, weights)
    return Bundle(record, {epoch: packed_weights(weights[epoch], run.shape) for epoch in live})


def _progress(run: Run) -> tuple[dict[str, Any] | None, str]:
    """The run's progress measures, or why there are none, in words for the page."""
    try:
        return read_progress(run), ""
    except UserError as error:
        return None, str(error).replace(str(run.directory.path), run.name)


def _audit(view: RunView) -> tuple[dict[str, Any] | None, str]:
    """The audit's verdicts over training, or why there are none."""
    try:
        series = read_series(view.run)
    except DamagedFile:
        raise
    except UserError as error:
        return None, str(error).replace(str(view.run.directory.path), view.run.name)
    names = ("verdict", "verdict_by_final_keys")
    return {"epochs": series["epochs"], **{name: series.get(name + view.suffix) for name in names}}, ""


def _about(view: RunView, number: int) -> dict[str, Any]:
    run, op = view.run, view.operation
    record = run.directory.record()
    shape = run.shape
    name = run.name if not view.suffix else f"{run.name} · {op.name}"
    return {
        "id": f"run{number}",
        "name": name,
        "run": run.name,
        "operation": op.name,
        "symbol": op.symbol,
        "operation_index": view.operation_index,
        "operations": list(run.pair_task.names),
        "p": run.pair_task.p,
        "config": run.config.as_dict(),
        "command": command_text(record.get("command")),
        "commit": record.get("git_commit"),
        "versions": record.get("versions") or {},
        "recorded": record.get("recorded"),
        "epochs_kept": len(run.epochs),
        "shape": {
            "d_model": shape.d_model,
            "n_heads": shape.n_heads,
            "d_head": shape.d_head,
            "d_mlp": shape.d_mlp,
            "n_classes": shape.n_classes,
            "d_vocab": shape.d_vocab,
            "n_ops": shape.n_ops,
            "activation": shape.activation,
            "activation_label": activation(shape.activation).label,
            "layer_norm": shape.layer_norm,
            "score_scale": shape.score_scale,
            "parameters": sum(prod(size) for size in shape.parameter_shapes().values()),
        },
        "split_sizes": None if run.split is None else [len(run.split.train), len(run.split.test)],
    }


def _history(view: RunView) -> dict[str, Any]:
    history, end = view.run.history, view.suffix
    found = {name: history.get(name + end) for name in LOGGED}
    lists = {name: plain(values) for name, values in found.items() if isinstance(values, list)}
    return {"epochs": history["epochs"], "weight_norm": plain(history.get("weight_norm") or []), **lists}


def _measures(progress: Mapping[str, Any] | None, end: str) -> dict[str, Any] | None:
    if progress is None:
        return None
    norms = {name: values for name, values in progress.items() if name.startswith("norm_")}
    found = {name: progress.get(name + end) for name in MEASURED}
    lists = {name: values for name, values in found.items() if isinstance(values, list)}
    return {"epochs": progress["epochs"], "weight_norm": progress.get("weight_norm"), **norms, **lists}


def _fourier(view: RunView, measured: Measured, weights: Mapping[int, Weights]) -> dict[str, Any]:
    group, circle = view.grid.cyclic, view.circle
    embeddings = [_embedding(view, w) for w in weights.values()]
    at_circle = [None if circle is None else embedding_circularity(e, circle) for e in embeddings]
    return {
        "n": group.order,
        "sign": view.grid.sign,
        "members": group.members.tolist(),
        "generator": group.generator,
        "group": group.name,
        "keys": list(view.keys),
        "circle": circle,
        "neurons": measured.neurons.tolist(),
        "neuron_frequencies": measured.frequencies.tolist(),
        "at_steps": {
            "circularity_final_k": at_circle,
            "gini": [gini(e) for e in embeddings],
            "fourier_strength": plain(list(measured.strength)),
        },
    }


def _arrays(view: RunView, measured: Measured, weights: Mapping[int, Weights]) -> dict[str, Any]:
    log_share = np.log10(np.maximum(measured.spectrum, 10.0**-SHARE_DECADES))
    shares = np.array([frequency_share(_embedding(view, w)) for w in weights.values()])
    return {
        "share": packed(shares),
        "means": packed(measured.means.transpose(0, 2, 1)),
        "sines": packed(np.nan_to_num(measured.sines, nan=-1.0)),
        "samples": packed(measured.samples),
        "pairs": packed(measured.pairs_ab(), "i16"),
        "r2": packed(np.nan_to_num(measured.r2, nan=-1.0)),
        "spectrum": packed(np.round((log_share / SHARE_DECADES + 1) * 255), "u8"),
        "train": packed(np.packbits(_trained(view)), "u8"),
    }


def _embedding(view: RunView, weights: Weights) -> np.ndarray:
    """As ``RunView.embedding``, from the weights alone."""
    rows = weights["W_E"].double().numpy()[view.grid.group.members]
    return np.asarray(rows - rows.mean(axis=0))


def _trained(view: RunView) -> np.ndarray:
    """bool [n²]: which pairs of the grid were trained on; all False where the split is unknown."""
    run, grid = view.run, view.grid
    chosen = np.zeros(len(run.pair_task.tokens), dtype=bool)
    if run.split is not None:
        chosen[run.split.train] = True
    return chosen[grid.rows]

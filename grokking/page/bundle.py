"""One operation of a run as the record that the page receives (``data/<id>.js``).

Lists named after metrics align with ``steps`` (in "at_steps") or with their own "epochs" (in
"history", "progress"); ``packed`` arrays have the step as their first axis.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from grokking.errors import UserError
from grokking.metrics.embedding import embedding_circularity, frequency_share, gini
from grokking.metrics.phases import Phases, phases_of_run
from grokking.models.transformer.network import Weights
from grokking.page.along_waves import along_waves
from grokking.page.hidden_circuit import WavesOnly, most_hidden
from grokking.page.measure import Measured, choose_steps, measure
from grokking.page.pack import choose_live, packed, packed_weights, plain
from grokking.page.read_tables import attention_scores, neuron_inputs
from grokking.page.run_record import about, audit_of, history_of, measures_of, progress_of
from grokking.page.story import story_of
from grokking.runs.view import RunView

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
    progress, why = progress_of(run)
    phases = phases_of_run(run.history, progress, view.suffix[1:] or None) if progress else Phases()
    audit, no_audit = audit_of(view)
    record = {
        **about(view, number),
        "steps": steps,
        "history": history_of(view),
        "progress": measures_of(progress, view.suffix),
        "no_progress": why,
        "audit": audit,
        "no_audit": no_audit,
        "grokking_epoch": run.history.get(f"grokking_epoch{view.suffix}"),
        "story": story_of(run.history, view.suffix).as_dict(),
        "phases": [list(span) for span in phases.spans(0, run.history["epochs"][-1])] if progress else [],
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
        record["hidden"] = _hidden(record)
        record["along"] = along_waves(view)
        record["arrays"] |= _arrays(view, measured, weights)
    moments = (phases.circuit_formation, record.get("hidden"))
    live = choose_live(steps, run.history, moments, view.suffix)
    record["live"] = {"epochs": live, "foldable": not run.shape.layer_norm}
    return Bundle(record, {epoch: packed_weights(weights[epoch], run.shape) for epoch in live})


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
            "fourier_strength": plain([step.strength for step in measured.steps]),
            **_waves(measured),
        },
    }


def _waves(measured: Measured) -> dict[str, Any]:
    """The lists of ``WavesOnly`` over the steps: ``waves_alone``, ``waves_without``, …"""
    return {
        f"waves_{field.name}": [getattr(step.waves, field.name) for step in measured.steps]
        for field in fields(WavesOnly)
    }


def _hidden(record: Mapping[str, Any]) -> int | None:
    """The step at which the circuit is furthest ahead of what the network answers."""
    history, steps = record["history"], record["steps"]
    test = history.get("test_acc")
    if not test:
        return None
    rows = np.searchsorted(history["epochs"], steps, side="right") - 1
    at_steps = [test[max(row, 0)] for row in rows]
    return most_hidden(steps, record["at_steps"]["waves_alone"], at_steps)


def _arrays(view: RunView, measured: Measured, weights: Mapping[int, Weights]) -> dict[str, Any]:
    log_share = np.log10(np.maximum(measured.stacked("spectrum"), 10.0**-SHARE_DECADES))
    shares = np.array([frequency_share(_embedding(view, w)) for w in weights.values()])
    return {
        "share": packed(shares),
        "means": packed(measured.stacked("means").transpose(0, 2, 1)),
        "own": packed(measured.stacked("own"), "i16"),
        "sines": packed(np.nan_to_num(measured.stacked("sines"), nan=-1.0)),
        "samples": packed(measured.stacked("samples")),
        "pairs": packed(measured.pairs_ab(), "i16"),
        "r2": packed(np.nan_to_num(measured.stacked("r2"), nan=-1.0)),
        "spectrum": packed(np.round((log_share / SHARE_DECADES + 1) * 255), "u8"),
        "votes": packed(measured.stacked("votes")),
        "train": packed(np.packbits(_trained(view)), "u8"),
        **_neuron_tables(view, measured, weights),
    }


def _neuron_tables(view: RunView, measured: Measured, weights: Mapping[int, Weights]) -> dict[str, Any]:
    """What the page needs to compute the neurons shown for every pair; nothing with layer norm."""
    shape = view.run.shape
    if shape.layer_norm or not len(measured.neurons):
        return {}
    tables = [neuron_inputs(w, shape, view.operation_index, measured.neurons) for w in weights.values()]
    by_token, always = zip(*tables, strict=True)
    return {"neuron_by_token": packed(np.array(by_token)), "neuron_always": packed(np.array(always))}


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

"""What the page says of a run before any network is opened: config, history, progress measures, audit."""

from collections.abc import Mapping
from math import prod
from typing import Any

from grokking.audit.over_training import ROBUSTNESS, read_series
from grokking.errors import DamagedFile, UserError
from grokking.models.activations import activation
from grokking.page.pack import plain
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


def progress_of(run: Run) -> tuple[dict[str, Any] | None, str]:
    """The run's progress measures, or why there are none, in words for the page."""
    try:
        return read_progress(run), ""
    except UserError as error:
        return None, str(error).replace(str(run.directory.path), run.name)


def audit_of(view: RunView) -> tuple[dict[str, Any] | None, str]:
    """The audit's verdicts over training, or why there are none; robustness if the series is thorough."""
    try:
        series = read_series(view.run)
    except DamagedFile:
        raise
    except UserError as error:
        return None, str(error).replace(str(view.run.directory.path), view.run.name)
    names = ("verdict", "verdict_by_final_keys", ROBUSTNESS)
    return {"epochs": series["epochs"], **{name: series.get(name + view.suffix) for name in names}}, ""


def about(view: RunView, number: int) -> dict[str, Any]:
    """Names, config, provenance and sizes; ``number`` makes the id."""
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


def history_of(view: RunView) -> dict[str, Any]:
    """The logged metrics of the operation that the page shows."""
    history, end = view.run.history, view.suffix
    found = {name: history.get(name + end) for name in LOGGED}
    lists = {name: plain(values) for name, values in found.items() if isinstance(values, list)}
    return {"epochs": history["epochs"], "weight_norm": plain(history.get("weight_norm") or []), **lists}


def measures_of(progress: Mapping[str, Any] | None, end: str) -> dict[str, Any] | None:
    """The progress measures that the page shows, of the operation whose names end in ``end``."""
    if progress is None:
        return None
    norms = {name: values for name, values in progress.items() if name.startswith("norm_")}
    found = {name: progress.get(name + end) for name in MEASURED}
    lists = {name: values for name, values in found.items() if isinstance(values, list)}
    return {"epochs": progress["epochs"], "weight_norm": progress.get("weight_norm"), **norms, **lists}

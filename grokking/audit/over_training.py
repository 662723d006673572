"""The verdict at every checkpoint: ``audit_over_training.json``.

Two auditors judge each checkpoint. The first knows only the checkpoint: its key frequencies are those of
its own neurons. The second knows how the run ends and tests the final model's frequencies. The difference
between the two verdicts shows what could not have been known at the time.

A verdict rests on ablations, which are cheap. A thorough series also takes two expensive measures: how much
steeper the loss is along the final key frequencies than along others, and which part of the way to the
nearest token flips an answer.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grokking.audit.ablations import measure_accuracies
from grokking.audit.adversarial_robustness import median_flip
from grokking.audit.directional_derivatives import derivative_checks
from grokking.audit.frequency_specialisation import cross_talk_check, mean_own_share
from grokking.audit.verdict import NOTHING, judge
from grokking.errors import DamagedFile, UserError, command
from grokking.metrics.block_names import block_names, column_name
from grokking.metrics.history_row import all_finite
from grokking.metrics.losses import losses
from grokking.progress_bar import shown
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.run_directory import AUDIT_SERIES

SECONDS_BETWEEN_SAVES = 20.0
ROBUSTNESS = "robustness"
Row = dict[str, Any]


def series_and_write(path: Path | str, thorough: bool = False) -> Path:
    """Audit every checkpoint; returns the path of ``audit_over_training.json``.

    What was measured is saved every 20 seconds, and an interrupted series continues from there.
    """
    run = Run(path)
    run.need_shared_tokens("the audit")
    with run.directory.writing():
        return _complete(run, thorough)


def _complete(run: Run, thorough: bool) -> Path:
    final = {view.name: _keys(view) for view in _views(run, run.final_epoch)}
    named = {name: _named(run, name, keys) for name, keys in final.items()}
    head = {"config": run.config.as_dict(), "final_key_frequencies": named}
    rows = _measured_before(run, named, thorough)
    saved = time.monotonic()
    missing = [epoch for epoch in run.epochs if epoch not in rows]
    for epoch in shown(missing, f"{run.name}: audit") if missing else ():
        rows[epoch] = audit_row(_views(run, epoch), final, thorough)
        if time.monotonic() - saved >= SECONDS_BETWEEN_SAVES:
            saved = time.monotonic()
            _save(run, head, rows)
    return _save(run, head, rows)


def read_series(run: Run) -> Row:
    """The run's ``audit_over_training.json``, whole.

    Raises UserError if it is missing or unfinished, DamagedFile for damage.
    """
    path = run.directory.path / AUDIT_SERIES
    again = command("audit", run.directory.path, "--over_training")
    if not path.exists():
        raise UserError(f"{path} does not exist; {again} makes it")
    record = _checked(run.directory.derived(AUDIT_SERIES), path)
    if not run.was_made_by(record["config"]) or record["epochs"] != run.epochs:
        raise UserError(f"{path} does not cover the checkpoints that are here now; {again} completes it")
    return record


def _views(run: Run, epoch: int) -> list[RunView]:
    """Every operation at an epoch whose weights need not be finite numbers."""
    networks = {epoch: run.observe(epoch, finite=False)}
    return [RunView(run, name, epoch, networks) for name in run.pair_task.names]


def audit_row(views: Sequence[RunView], final: dict[str, list[int]], thorough: bool = False) -> Row:
    """Behaviour and, per operation (its name a suffix where there are several), verdicts and shares.

    views: every operation of the run at one epoch.  final: the final model's key frequencies by operation.
    thorough: derivatives and robustness too, which take several times as long as all the rest.
    """
    acts, split = views[0].acts, views[0].run.split
    if not all_finite(acts.weights):
        return {f"verdict{view.suffix}": NOTHING for view in views}
    row: Row = losses(acts, split)
    for view in views:
        found: Row = {"verdict": NOTHING}
        if view.group is not None:
            found = _operation_row(view, final[view.name])
            if thorough:
                found |= _costly(view, final[view.name])
        row |= {key + view.suffix: value for key, value in found.items()}
    return row


def _operation_row(view: RunView, final: list[int]) -> Row:
    now, known = measure_accuracies(view.logits, view.own_keys), measure_accuracies(view.logits, final)
    return {
        "verdict": judge(now),
        "verdict_by_final_keys": judge(known),
        column_name("key_frequencies", view.need_group()): block_names(view.need_group(), view.own_keys),
        "sufficient": now.sufficient,
        "without": now.without,
        "sufficient_by_final_keys": known.sufficient,
        "without_by_final_keys": known.without,
        "neuron_share": mean_own_share(view.shares),
        "cross_talk": cross_talk_check(view.acts, view.grid, view.shares, view.own_keys, null=False).value,
    }


def _costly(view: RunView, final: list[int]) -> Row:
    """Values of the checks of derivatives (along the final key frequencies) and of robustness."""
    checks = derivative_checks(view.acts, view.grid, view.train_rows, final)
    values: Row = {check.name.replace(" ", "_"): check.value for check in checks}
    return {**values, ROBUSTNESS: median_flip(view.acts, view.grid, view.train_rows)}


def _named(run: Run, operation: str, keys: list[int]) -> list[Any]:
    """Key frequencies, or the labels of key blocks."""
    group = run.pair_task.group(operation)
    return [] if group is None else block_names(group, keys)


def _keys(view: RunView) -> list[int]:
    return [] if view.group is None or not all_finite(view.acts.weights) else view.own_keys


def _save(run: Run, head: Row, rows: dict[int, Row]) -> Path:
    """Lists aligned with ``"epochs"``, None where a checkpoint lacks a value; returns their path."""
    epochs = sorted(rows)
    names = list(dict.fromkeys(name for epoch in epochs for name in rows[epoch]))
    columns = {name: [rows[epoch].get(name) for epoch in epochs] for name in names}
    return run.directory.write_derived(AUDIT_SERIES, {**head, "epochs": epochs, **columns})


def _measured_before(run: Run, final: dict[str, list[Any]], thorough: bool) -> dict[int, Row]:
    """Rows of an earlier, perhaps interrupted series that still hold; none if anything has changed.

    Rows of a thorough series serve any other; what was not thorough does not serve a thorough one.
    """
    target = run.directory.path / AUDIT_SERIES
    if not target.exists():
        return {}
    try:
        record = _checked(run.directory.derived(AUDIT_SERIES), target)
    except DamagedFile:
        return {}
    if not run.was_made_by(record["config"]) or record["final_key_frequencies"] != final:
        return {}
    columns = {name: v for name, v in record.items() if isinstance(v, list) and name != "epochs"}
    if thorough and not any(name.startswith(ROBUSTNESS) for name in columns):
        return {}
    rows = {
        epoch: {name: values[i] for name, values in columns.items()}
        for i, epoch in enumerate(record["epochs"])
    }
    return {epoch: row for epoch, row in rows.items() if epoch in run.epochs}


def _checked(record: Any, path: Path) -> Row:
    """Raises DamagedFile unless all lists align with the epochs."""
    if not isinstance(record, dict) or not {"config", "final_key_frequencies", "epochs"} <= set(record):
        raise DamagedFile(
            f"{path} is damaged, or was not made by this project: it has no config or no epochs"
        )
    for name, values in record.items():
        if isinstance(values, list) and len(values) != len(record["epochs"]):
            raise DamagedFile(
                f"{path} is damaged: {name} has {len(values)} values for {len(record['epochs'])} epochs"
            )
    return record

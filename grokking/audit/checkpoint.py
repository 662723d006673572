"""The audit of one checkpoint: the content of ``audit.json``, and its file."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from grokking.audit.ablations import ablation_checks
from grokking.audit.adversarial_robustness import Target, robustness_check
from grokking.audit.directional_derivatives import AXES, derivative_checks
from grokking.audit.frequency_specialisation import specialisation_checks
from grokking.audit.verdict import GENERALISES, NOTHING, UNASKED, Check
from grokking.engines import lookup
from grokking.errors import DamagedFile, UserError, command
from grokking.groups.base import Group
from grokking.metrics.block_names import block_names, column_name
from grokking.metrics.history_row import all_finite
from grokking.metrics.losses import losses
from grokking.metrics.spectra2d import diagonal_share, energy_spectrum
from grokking.progress_bar import tracked
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.run_directory import AUDIT

MEMORISED = 0.99
"""Train accuracy of the checkpoint that stands for memorisation in the robustness check."""
MAX_TRIES = 5
SPECTRUM_DIGITS = 4
NOT_ASKED = (
    "what heads and neurons specialise in, slopes of the loss and immunity to small changes: these read a "
    "plain transformer of one layer, which this network is not"
)
"""What is not asked of a network of another build, and why."""
N_PARTS = 3 + len(AXES)
"""Ablations, specialisation, robustness, and the derivatives of each parameter."""


def audit_and_write(path: Path | str, epoch: int | None = None) -> Path:
    """Audit a run's checkpoint (the last by default), (re)write its ``audit.json``; returns its path.

    Raises UserError for a folder that is not a run, or an epoch without a checkpoint.
    """
    run = Run(path)
    with run.directory.writing():
        record = audit_checkpoint(run, run.final_epoch if epoch is None else epoch)
        return run.directory.write_derived(AUDIT, record)


def audit_checkpoint(run: Run, epoch: int) -> dict[str, Any]:
    """The content of ``audit.json``: behaviour, then per operation its verdict and checks."""
    run.need_shared_tokens("the audit")
    acts = run.observe(epoch, finite=False)
    record: dict[str, Any] = {"config": run.config.as_dict(), "epoch": epoch}
    if not all_finite(acts.weights):
        why = "the weights of this checkpoint are not all finite numbers"
        return {**record, "operations": {name: _nothing(why) for name in run.pair_task.names}}
    record["behaviour"] = losses(acts, run.split)
    views = [RunView(run, name, epoch, {epoch: acts}) for name in run.pair_task.names]
    record["operations"] = {view.name: _audit_operation(view) for view in views}
    return record


def read_audit(run: Run) -> dict[str, Any]:
    """The run's ``audit.json``.

    Raises UserError if there is none or it belongs to another run, DamagedFile for damage.
    """
    path = run.directory.path / AUDIT
    again = command("audit", run.directory.path)
    if not path.exists():
        raise UserError(f"{path} does not exist; {again} makes it")
    record = run.directory.derived(AUDIT)
    if not isinstance(record, dict) or not {"config", "epoch", "operations"} <= set(record):
        raise DamagedFile(
            f"{path} is damaged, or was not made by this project: it has no config, epoch or operations"
        )
    if not run.was_made_by(record["config"]):
        raise UserError(f"{path} belongs to another run than the one in this folder; {again} audits this one")
    return record


def _nothing(why: str) -> dict[str, Any]:
    return {"verdict": NOTHING, "why": why, "key_frequencies": [], "checks": []}


def _audit_operation(view: RunView) -> dict[str, Any]:
    if view.group is None:
        return _nothing(f"{view.name} has no cyclic group, and this audit finds Fourier circuits only")
    # One after another, so that a person who waits (half a minute at p = 113) sees how far it is.
    parts = list(tracked(_parts(view), f"{view.run.name}: audit of {view.name}", N_PARTS, unit="part"))
    spectrum = energy_spectrum(view.acts.logit_grid(view.grid), view.basis)
    checks = [check for _, found in parts for check in found]
    unasked = {} if lookup.serves(view.run.shape) else {UNASKED: NOT_ASKED}
    record = {
        **unasked,
        "verdict": parts[0][0],
        column_name("key_frequencies", view.group): block_names(view.group, view.own_keys),
        "checks": [_in_words_of(view.group, check).as_dict() for check in checks],
        "logit_spectrum": _rounded(spectrum),
        "logit_diagonal_share": diagonal_share(spectrum),
    }
    return record if view.group.is_cyclic else {**record, "blocks": list(view.basis.labels)}


def _in_words_of(group: Group, check: Check) -> Check:
    """The same check; of a group that is not cyclic, its question and its verdict speak of blocks."""
    question, verdict = (column_name(words, group) for words in (check.question, check.verdict))
    return replace(check, question=question, verdict=verdict)


def _parts(view: RunView) -> Iterator[tuple[str, list[Check]]]:
    """The ``N_PARTS`` of an audit, each measured when it is asked for; the first has the verdict."""
    acts, grid, keys, rows = view.acts, view.grid, view.own_keys, view.train_rows
    yield ablation_checks(view.logits, keys)
    if not lookup.serves(view.run.shape):
        return
    yield "", specialisation_checks(acts, grid, view.shares, keys)
    for name in AXES:
        yield "", derivative_checks(acts, grid, rows, keys, [name])
    yield "", [robustness_check(_targets(view), view.name, grid, rows, keys)]


def _targets(view: RunView) -> list[Target]:
    targets = [Target("audited", view.epoch, view.acts)]
    memorised = memorised_epoch(view)
    if memorised is not None:
        targets.append(Target("memorised", memorised, view.run.observe(memorised)))
    return targets


def memorised_epoch(view: RunView) -> int | None:
    """The first checkpoint whose network answers the train pairs and clearly fewer of the others.

    None if there is none before the view's epoch, or the run's split or history is unknown.
    """
    if view.run.split is None:
        return None
    for epoch in _likely_epochs(view.run, view.epoch):
        correct = view.run.observe(epoch, finite=False).losses_and_correct[1]
        train, test = (correct[view.parts[part]] for part in ("train", "test"))
        if train.mean() >= MEMORISED and train.mean() - test.mean() > GENERALISES:
            return epoch
    return None


def _likely_epochs(run: Run, before: int) -> Sequence[int]:
    """Epochs with a checkpoint from the first logged one with the train pairs answered, a few at most."""
    try:
        history = run.history
    except UserError:
        return []
    known = zip(history["epochs"], history.get("train_acc", []), strict=False)
    first = next((epoch for epoch, accuracy in known if (accuracy or 0) >= MEMORISED), None)
    return [] if first is None else [e for e in run.epochs if first <= e < before][:MAX_TRIES]


def _rounded(values: np.ndarray) -> list[list[float]]:
    return [[float(f"{x:.{SPECTRUM_DIGITS}g}") for x in row] for row in values]

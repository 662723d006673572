"""The audit of one checkpoint: the content of ``audit.json``, and its file."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from grokking.audit.ablations import ablation_checks
from grokking.audit.adversarial_robustness import Target, immunity_check
from grokking.audit.directional_derivatives import AXES, slope_checks
from grokking.audit.frequency_specialisation import routing_checks
from grokking.audit.verdict import GENERALISES, NOTHING, Check
from grokking.errors import DamagedFile, UserError
from grokking.metrics.activations import ActivationCache
from grokking.metrics.diagonal import diagonal_share, energy_spectrum
from grokking.metrics.history_row import all_finite
from grokking.metrics.logits import GroupLogits
from grokking.metrics.losses import losses
from grokking.metrics.neurons import VarianceShares, key_frequencies, variance_shares
from grokking.progress_bar import tracked
from grokking.runs.run import Run
from grokking.storage.run_directory import AUDIT
from grokking.tasks.pairs import GroupGrid

MEMORISED = 0.99
"""Train accuracy of the checkpoint that stands for memorisation in the robustness check."""
MAX_TRIES = 5
SPECTRUM_DIGITS = 4
N_PARTS = 3 + len(AXES)
"""Ablations, routing, the slopes of each parameter, robustness."""


def audit_and_write(path: Path | str, epoch: int | None = None) -> Path:
    """Audit a run's checkpoint (the last by default), (re)write its ``audit.json``; returns its path.

    Raises UserError for a folder that is no run, or an epoch that was not kept.
    """
    run = Run(path)
    with run.directory.writing():
        record = audit_checkpoint(run, run.final_epoch if epoch is None else epoch)
        return run.directory.write_derived(AUDIT, record)


def audit_checkpoint(run: Run, epoch: int) -> dict[str, Any]:
    """The content of ``audit.json``: behaviour, then per operation its verdict and checks."""
    run.need_shared_tokens("the audit")
    seen = run.observe(epoch, finite=False)
    record: dict[str, Any] = {"config": run.config.as_dict(), "epoch": epoch}
    if not all_finite(seen.weights):
        why = "the weights of this checkpoint are not all finite numbers"
        return {**record, "operations": {name: _nothing(why) for name in run.pair_task.names}}
    record["behaviour"] = losses(seen, run.split)
    record["operations"] = {name: _audit_operation(run, epoch, seen, name) for name in run.pair_task.names}
    return record


def read_audit(run: Run) -> dict[str, Any]:
    """The run's ``audit.json``.

    Raises UserError if there is none or it belongs to another run, DamagedFile for damage.
    """
    path = run.directory.path / AUDIT
    again = f"python audit_circuit.py {run.directory.path}"
    if not path.exists():
        raise UserError(f"{path} does not exist; {again} makes it")
    record = run.directory.derived(AUDIT)
    if not isinstance(record, dict) or not {"config", "epoch", "operations"} <= set(record):
        raise DamagedFile(f"{path} is damaged or not ours: it has no config, epoch or operations")
    if not run.was_made_by(record["config"]):
        raise UserError(f"{path} was made from another run than lies here now; {again} audits again")
    return record


def _nothing(why: str) -> dict[str, Any]:
    return {"verdict": NOTHING, "why": why, "key_frequencies": [], "checks": []}


def _audit_operation(run: Run, epoch: int, seen: ActivationCache, operation: str) -> dict[str, Any]:
    grid = run.pair_task.grid(operation)
    if grid is None:
        return _nothing(f"{operation} has no cyclic group, and this audit knows Fourier circuits alone")
    if not grid.group.is_cyclic:
        return _nothing(f"{grid.group.title} is not cyclic, and this audit knows Fourier circuits alone")
    shares = variance_shares(seen.neuron_grid(grid))
    keys = key_frequencies(shares)
    # One after another, so that somebody who waits (half a minute at p = 113) sees how far it is.
    parts = list(
        tracked(
            _parts(run, epoch, seen, operation, grid, shares, keys),
            f"{run.name}: audit of {operation}",
            N_PARTS,
            unit="part",
        )
    )
    spectrum = energy_spectrum(seen.logit_grid(grid))
    return {
        "verdict": parts[0][0],
        "key_frequencies": keys,
        "checks": [check.as_dict() for _, checks in parts for check in checks],
        "logit_spectrum": _rounded(spectrum),
        "logit_diagonal_share": diagonal_share(spectrum),
    }


def _parts(
    run: Run,
    epoch: int,
    seen: ActivationCache,
    operation: str,
    grid: GroupGrid,
    shares: VarianceShares,
    keys: Sequence[int],
) -> Iterator[tuple[str, list[Check]]]:
    """The ``N_PARTS`` of an audit, each measured when it is asked for; the first has the verdict."""
    rows = train_rows(run, operation)
    yield ablation_checks(GroupLogits.of(seen, grid, run.split), keys)
    yield "", routing_checks(seen, grid, shares, keys)
    for name in AXES:
        yield "", slope_checks(seen, grid, rows, keys, [name])
    yield "", [immunity_check(_targets(run, epoch, seen, operation), operation, grid, rows, keys)]


def train_rows(run: Run, operation: str) -> np.ndarray:
    """Train pairs of an operation; all of its pairs where the split is unknown."""
    rows = np.arange(len(run.pair_task.tokens)) if run.split is None else run.split.train
    return _of(run, rows, operation)


def _targets(run: Run, epoch: int, seen: ActivationCache, operation: str) -> list[Target]:
    targets = [Target("audited", epoch, seen)]
    memorised = memorised_epoch(run, epoch, operation)
    if memorised is not None:
        targets.append(Target("memorised", memorised, run.observe(memorised)))
    return targets


def memorised_epoch(run: Run, before: int, operation: str) -> int | None:
    """The first kept epoch that answers the train pairs and clearly fewer of the others.

    None if there is none before ``before``, or the run's split or history is unknown.
    """
    if run.split is None:
        return None
    for epoch in _likely_epochs(run, before):
        correct = run.observe(epoch, finite=False).losses_and_correct[1]
        train, test = (correct[_of(run, rows, operation)] for rows in (run.split.train, run.split.test))
        if train.mean() >= MEMORISED and train.mean() - test.mean() > GENERALISES:
            return epoch
    return None


def _likely_epochs(run: Run, before: int) -> Sequence[int]:
    """Kept epochs from the first logged one with the train pairs answered, a few at most."""
    try:
        history = run.history
    except UserError:
        return []
    known = zip(history["epochs"], history.get("train_acc", []), strict=False)
    first = next((epoch for epoch, accuracy in known if (accuracy or 0) >= MEMORISED), None)
    return [] if first is None else [e for e in run.epochs if first <= e < before][:MAX_TRIES]


def _of(run: Run, rows: np.ndarray, operation: str) -> np.ndarray:
    return rows[run.pair_task.operation_of_pair[rows] == run.pair_task.names.index(operation)]


def _rounded(values: np.ndarray) -> list[list[float]]:
    return [[float(f"{x:.{SPECTRUM_DIGITS}g}") for x in row] for row in values]

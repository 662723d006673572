"""Cases for the page's game "is this network memorising?": what a reader sees, and what an audit says.

``{"cases": [{"run", "epoch", "p", "operation", "train_frac", "layer_norm", "train_acc", "test_acc", "share",
"frequency", "circle", "keys", "verdict", "sufficient", "without"}], "provenance"}``: share of the embedding's
energy per frequency, the largest one and its circle as [x, y] per number, and what the verdict rests on
(``grokking.audit.verdict``).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from grokking.audit.ablations import measure_accuracies
from grokking.audit.verdict import judge
from grokking.errors import DamagedFile, UserError
from grokking.metrics.early_warning import memorisation_epoch
from grokking.metrics.embedding import frequency_share
from grokking.page.extras import provenance_of, runs_in
from grokking.page.pack import plain
from grokking.runs.run import Run
from grokking.runs.view import RunView
from grokking.storage.atomic_io import folder_for, read_json, write_json

FILE = "cases.json"
DIGITS = 3
SHOWN = ("share", "circle", "verdict", "train_acc")


def read_cases(path: Path | None) -> dict[str, Any] | None:
    """The cases of a folder of run directories, or of a JSON file that ``record_cases`` wrote.

    Raises UserError if the folder holds no run with a circle, DamagedFile for a file of another form.
    """
    if path is None:
        return None
    if path.is_dir():
        return _measured(path)
    if not path.exists():
        raise UserError(f"{path} does not exist; --audits takes a folder of run directories, or a file")
    record = read_json(path)
    cases = record.get("cases") if isinstance(record, Mapping) else None
    if not isinstance(cases, list) or not all(isinstance(c, dict) and set(SHOWN) <= set(c) for c in cases):
        raise DamagedFile(f"{path} is damaged, or was not made by this project: it has no cases of an audit")
    return dict(record)


def record_cases(source: Path, output: Path) -> Path:
    """Keep ``read_cases`` of a folder of runs as a JSON file in another folder; returns it."""
    record = _measured(source)
    with folder_for(output):
        write_json(output / FILE, record)
    return output / FILE


def _measured(folder: Path) -> dict[str, Any]:
    runs = [run for run in runs_in(folder) if RunView(run).group is not None]
    if not runs:
        raise UserError(
            f"{folder} holds no run of add, sub, mul or div; --audits takes a folder of such runs"
        )
    cases = [_case(RunView(run, epoch=epoch)) for run in runs for epoch in _epochs(run)]
    return {"cases": cases, "provenance": provenance_of("Audits", folder.name, runs)}


def _epochs(run: Run) -> list[int]:
    """The first checkpoint with the train pairs memorised, where there is one, and the last."""
    memorised = memorisation_epoch(run.history)
    first = next((e for e in run.epochs if memorised is not None and e >= memorised), run.final_epoch)
    return sorted({first, run.final_epoch})


def _case(view: RunView) -> dict[str, Any]:
    run, config = view.run, view.run.config
    found, shares = measure_accuracies(view.logits, view.own_keys), frequency_share(view.embedding)
    largest = int(shares[: (view.n - 1) // 2].argmax()) + 1
    plane = view.basis.rows[view.basis.rows_of(largest)] @ view.embedding
    points = view.embedding @ (plane / np.linalg.norm(plane, axis=1, keepdims=True)).T
    return {
        "run": run.name,
        "epoch": view.epoch,
        "p": run.pair_task.p,
        "operation": view.name,
        "train_frac": config.train_frac,
        "layer_norm": config.layer_norm,
        "train_acc": found.learnt,
        "test_acc": found.heldout,
        "share": plain(np.round(shares, DIGITS)),
        "frequency": largest,
        "circle": plain(np.round(points, DIGITS)),
        "keys": list(view.own_keys),
        "verdict": judge(found),
        "sufficient": found.sufficient,
        "without": found.without,
    }

"""What the JSON of a run directory must be before anything is computed from it: none of it is trusted.

Each function takes what a file held and the file's path, for the message; all raise DamagedFile.
"""

import math
import re
from pathlib import Path
from typing import Any

from grokking.errors import DamagedFile

EPOCH = re.compile(r"(grokking|memorisation|diverged)_epoch(_|$)")
ACCURACY = re.compile(r"(train|test|all)_acc(_|$)")
LABELS = re.compile(r"(key_blocks|dominant_block)(_|$)")
"""Columns whose entries are the labels of blocks."""
ABOUT = {"versions": dict, "machine": dict, "execution": dict, "command": list}
"""Further entries that config.json may have."""


def checked_about(record: Any, path: Path) -> dict[str, Any]:
    """A config and how its run was made; the config itself is for ``RunConfig`` to judge."""
    if not isinstance(record, dict) or "config" not in record:
        raise DamagedFile(f"{path} is damaged, or was not made by this project: it has no config")
    for name, kind in ABOUT.items():
        if not isinstance(record.get(name), kind | None):
            raise DamagedFile(
                f"{path} is damaged, or was not made by this project: its {name} is {record[name]!r:.80}"
            )
    return record


def checked_history(record: Any, path: Path) -> dict[str, Any]:
    """A history whose lists all align with its epochs; null stands where a row lacks a metric."""
    if not isinstance(record, dict) or not isinstance(record.get("epochs"), list):
        raise DamagedFile(f"{path} is not a history: it has no list of epochs")
    if not isinstance(record.get("config"), dict):
        raise DamagedFile(f"{path} is not a history: it has no config")
    epochs = record["epochs"]
    if any(type(e) is not int for e in epochs) or epochs != sorted(set(epochs)):
        raise DamagedFile(f"{path} is damaged: its epochs do not increase")
    for name, values in record.items():
        if isinstance(values, list) and len(values) != len(epochs):
            raise DamagedFile(f"{path} is damaged: {name} has {len(values)} values for {len(epochs)} epochs")
        if name != "config" and not _of_numbers(values, bool(LABELS.search(name))):
            raise DamagedFile(
                f"{path} is damaged: {name} holds something other than finite numbers and names of blocks"
            )
        if (fault := _misread(name, values)) is not None:
            raise DamagedFile(f"{path} is damaged: {name} {fault}")
    return record


def _misread(name: str, value: Any) -> str | None:
    """What is wrong with epochs and accuracies, which everything else is counted from; None if nothing."""
    if EPOCH.match(name) and not (value is None or (type(value) is int and value >= 0)):
        return f"is {value!r:.80}, which is not an epoch"
    if ACCURACY.match(name) and isinstance(value, list):
        odd = [v for v in value if v is not None and (isinstance(v, list | dict) or not 0 <= v <= 1)]
        return f"holds {odd[0]!r:.80}; accuracies are in [0, 1]" if odd else None
    return None


def _of_numbers(value: Any, labels: bool) -> bool:
    """Whether a metric is a finite number, null, or lists of these and of objects {label: number}.

    labels: whether text is accepted, too: the name of a block.
    """
    if isinstance(value, list):
        return all(
            _is_by_label(entry) if isinstance(entry, dict) else _of_numbers(entry, labels) for entry in value
        )
    return (labels and isinstance(value, str)) or _is_number(value)


def _is_by_label(value: dict[Any, Any]) -> bool:
    return all(isinstance(name, str) and _is_number(entry) for name, entry in value.items())


def _is_number(value: Any) -> bool:
    try:
        return value is None or (type(value) in (int, float) and math.isfinite(value))
    except OverflowError:
        return False


def checked_train_rows(record: Any, n_pairs: int, path: Path) -> list[int]:
    """Rows trained on, increasing, some but not all of ``n_pairs``."""
    rows = record.get("train") if isinstance(record, dict) else None
    if not isinstance(rows, list) or any(type(row) is not int for row in rows):
        raise DamagedFile(f"{path} is damaged, or was not made by this project: it has no list of train rows")
    if not 0 < len(rows) < n_pairs or rows != sorted(set(rows)) or rows[0] < 0 or rows[-1] >= n_pairs:
        raise DamagedFile(f"{path} is damaged: its rows are not a proper subset of the {n_pairs} pairs")
    return rows

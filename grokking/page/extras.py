"""What the page shows in addition to its runs, where it was measured: a sweep, audits, trajectories.

Each figure of the page reads one small documented record; where there is none it says which command
makes it.

- **Sweep**: ``{"runs": [{"train_frac", "seed", "p", "epochs", "grokking_epoch" or null,
  "memorised_epoch" or null}], "provenance"}``, from a folder of run directories or from a JSON file like it,
  which ``record_sweep`` writes.
- **Kinematics**: see ``grokking.page.trajectories``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from grokking.errors import DamagedFile, UserError
from grokking.metrics.early_warning import memorisation_epoch
from grokking.runs.run import Run
from grokking.storage.atomic_io import folder_for, read_json, write_json
from grokking.storage.provenance import origin
from grokking.storage.run_directory import RunDirectory

FILE = "sweep.json"
SWEEP_FIELDS = ("train_frac", "seed", "p", "epochs", "grokking_epoch", "memorised_epoch")


def read_sweep(path: Path | None) -> dict[str, Any] | None:
    """The sweep in a folder of run directories or in a JSON file; None if none was given.

    Raises UserError if the folder holds no run, DamagedFile for a file of another form.
    """
    if path is None:
        return None
    if path.is_dir():
        found = [run for run in runs_in(path) if run.history["epochs"][-1:] not in ([], [0])]  # begun
        if not found:
            raise UserError(
                f"{path} holds no run directory that was trained; --sweep takes a folder of "
                "them, or a JSON file"
            )
        rows = [_sweep_row(run) for run in found]
        return {"runs": rows, "provenance": provenance_of("Sweep", path.name, found)}
    record = read_json(path)
    rows = _records(record, "runs", path)
    runs = []
    for row in rows:
        if not isinstance(row, dict) or any(not _is_number(row.get(name)) for name in SWEEP_FIELDS[:4]):
            raise DamagedFile(
                f"{path} is not the record of a sweep: each of its runs needs {', '.join(SWEEP_FIELDS)}"
            )
        runs.append({name: row[name] if _is_number(row.get(name)) else None for name in SWEEP_FIELDS})
    return {"runs": runs, "provenance": str(record.get("provenance") or f"{path.name}: {len(runs)} runs.")}


def record_sweep(source: Path, output: Path) -> Path:
    """Keep ``read_sweep`` of a folder of runs as a JSON file in another folder; returns it."""
    record = read_sweep(source)
    with folder_for(output):
        write_json(output / FILE, record)
    return output / FILE


def runs_in(folder: Path) -> list[Run]:
    """The run directories in a folder, by name."""
    return [Run(path) for path in sorted(folder.iterdir()) if RunDirectory(path).exists()]


def provenance_of(kind: str, name: str, runs: Sequence[Run]) -> str:
    """How many runs, of which commits, made by which commands: one line."""
    origins = [origin(run.directory.record()) for run in runs]
    commands, commits = (sorted({found[name] for found in origins}) for name in ("command", "commit"))
    return (
        f"{kind} {name}: {len(runs)} run{'s' * (len(runs) != 1)}, commits {', '.join(commits)}. "
        f"Made by: {'; '.join(commands).replace('`', '')}."
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _sweep_row(run: Run) -> dict[str, Any]:
    history, config = run.history, run.config
    return {
        "train_frac": config.train_frac,
        "seed": config.seed,
        "p": config.p,
        "epochs": history["epochs"][-1] if history["epochs"] else 0,
        "grokking_epoch": history.get("grokking_epoch"),
        "memorised_epoch": memorisation_epoch(history),
    }


def read_aligned(path: Path | None, what: str) -> dict[str, Any] | None:
    """A record with a list "epochs", as it stands; None if the file was not given or is not there.

    Raises DamagedFile if its "epochs" do not make sense.
    """
    if path is None or not path.exists():
        return None
    record = read_json(path)
    epochs = _records(record, "epochs", path)
    if not epochs or not all(_is_number(e) for e in epochs) or epochs != sorted(epochs):
        raise DamagedFile(f"{path} is no {what}: its epochs are not increasing numbers")
    return dict(record)


def _records(record: Any, name: str, path: Path) -> list[Any]:
    if not isinstance(record, Mapping) or not isinstance(record.get(name), list):
        raise DamagedFile(f"{path} is damaged, or was not made by this project: it has no list {name!r}")
    return list(record[name])

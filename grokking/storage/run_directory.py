"""The run directory: the only module that knows its file names.

    config.json                        everything needed to repeat the run
    history.json                       one list per metric, aligned with "epochs"
    checkpoint_e000000.safetensors     weights; the two newest with the optimiser's state as well
    progress.json                      progress measures, if they were asked for
    audit.json                         the audit of one checkpoint; audit_<operation>.png its pages
    audit_over_training.json           the verdict at every kept checkpoint, and its picture
    kinematics.json                    answers and probes of a kinematics run, if they were asked for
    split.json                         the train pairs, where config.json says that they are kept
    tensorboard/                       event files, if --tracker asked for them
    manifest.json                      sha256 of the files above, less pictures

One process at a time writes (see ``grokking.storage.locking``); any number may read meanwhile.
"""

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import safetensors

from grokking.config import RunConfig
from grokking.errors import DamagedFile, UserError
from grokking.storage.atomic_io import json_bytes, parse_json, read_json
from grokking.storage.checkpoint import SCHEDULE, Checkpoint
from grokking.storage.checksummed_dir import ChecksummedDir
from grokking.storage.schema import checked_about, checked_history, checked_train_rows

CONFIG, HISTORY = "config.json", "history.json"
PROGRESS = "progress.json"
AUDIT, AUDIT_SERIES = "audit.json", "audit_over_training.json"
AUDIT_PAGE = re.compile(r"audit(_[a-z0-9+_]+)?\.png")
KINEMATICS_MEASURES = "kinematics.json"
SPLIT = "split.json"
TENSORBOARD = "tensorboard"
DERIVED = (PROGRESS, AUDIT, AUDIT_SERIES, KINEMATICS_MEASURES)
"""What later measurements add; it goes with the run that it was measured on."""
IRREPLACEABLE = (CONFIG, HISTORY, SPLIT)
"""What nothing else in a run directory could restore."""
CHECKPOINT = re.compile(r"checkpoint_e(\d{6,9})\.safetensors")
N_RESUMABLE = 2
"""Newest checkpoints that keep the optimiser's state, so that a run can be resumed from them."""
RECENT = N_RESUMABLE + 2
"""Number of newest checkpoints in which a save searches for those to shrink or delete."""
OUTPUT_DIR = Path("phase_transition/checkpoints")
SAME_AS_HISTORY = ("p", "encoding")
"""Fields in which a history must agree with the run it is shown with."""
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=+-]{0,99}")


def run_path(output_dir: Path, run_name: str) -> Path:
    """``output_dir/run_name``; raises UserError for a name that is empty or leaves the folder."""
    if not RUN_NAME.fullmatch(run_name):
        raise UserError(
            f"run_name {run_name!r} is not a folder name; accepted: letters a to z, "
            "digits and ._=+- after a first letter or digit, at most 100 of them"
        )
    return output_dir / run_name


def of_a_run(name: str) -> bool:
    """Whether a file name is one of a run directory's."""
    return name in (CONFIG, HISTORY, SPLIT, *DERIVED) or CHECKPOINT.fullmatch(name) is not None


class RunDirectory:
    """A folder with one run. Reading raises UserError for what is missing, DamagedFile for damage."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.files = ChecksummedDir(path, of_a_run, lambda name: AUDIT_PAGE.fullmatch(name) is not None)
        self._scheduled: set[int] = set()  # epochs whose checkpoints this object saved as the schedule's
        self._final: set[int] = set()  # ... and has shrunk: no save need read them again

    def exists(self) -> bool:
        """Whether a run was begun here."""
        return (self.path / CONFIG).exists()

    def writing(self) -> AbstractContextManager[None]:
        """A block in which no other process writes here; every writing method opens one of its own.

        Raises UserError, naming the other process, if there is one.
        """
        return self.files.writing()

    def faults(self) -> dict[str, str]:
        """What is wrong with the run's files, by name; every file is read, and none is trusted."""
        faults = self.files.faults()
        for epoch in self.epochs():
            path = self.checkpoint_path(epoch)
            if not self.files.listed(path.name):
                try:
                    with safetensors.safe_open(path, "pt"):
                        pass
                except (OSError, safetensors.SafetensorError) as error:
                    faults[path.name] = f"is damaged, or was not made by this project: {error}"
        return faults

    # Configuration

    def create(self, config: RunConfig, about: Mapping[str, Any]) -> None:
        """Write ``config.json``; ``about`` says where and with what the run was made."""
        self.files.change({CONFIG: json_bytes({"config": config.as_dict(), **about})})

    def record(self) -> dict[str, Any]:
        """All of ``config.json``."""
        if not self.path.is_dir():
            raise UserError(f"{self.path} is not a folder; grokking train makes run directories")
        if not self.exists():
            raise UserError(f"{self.path} is not a run directory: it has no {CONFIG}")
        return checked_about(self._json(CONFIG), self.path / CONFIG)

    def config(self) -> RunConfig:
        """The run's configuration."""
        record = self.record()
        try:
            return RunConfig.from_dict(record["config"])
        except UserError as error:
            raise DamagedFile(f"{self.path / CONFIG}: {error}") from error

    def _json(self, name: str) -> Any:
        try:
            return parse_json(self.files.read(name), self.path / name)
        except DamagedFile as error:
            if name not in IRREPLACEABLE:
                raise
            raise DamagedFile(
                f"{error}; restore a copy of it, or train the run again (imported weights: import them again)"
            ) from error

    # History

    def has_history(self) -> bool:
        """Whether a first row was written."""
        return (self.path / HISTORY).exists()

    def write_history(self, history: Mapping[str, Any]) -> None:
        """Replace ``history.json``."""
        self.files.change({HISTORY: json_bytes(history)})

    def history(self, path: Path | None = None) -> dict[str, Any]:
        """``history.json`` (or the given file), checked to belong to this run."""
        record = self._json(HISTORY) if path is None else read_json(path)
        path = path or self.path / HISTORY
        record = checked_history(record, path)
        for name, own in self.config().as_dict().items():
            if name in SAME_AS_HISTORY and record["config"].get(name) != own:
                raise UserError(
                    f"{path} belongs to {name} = {record['config'].get(name)}, "
                    f"the run in {self.path} to {name} = {own}"
                )
        return record

    # Split

    def write_train_rows(self, rows: list[int]) -> None:
        """Keep which rows of the task's table of pairs were trained on."""
        self.files.change({SPLIT: json_bytes({"train": rows})})

    def train_rows(self, n_pairs: int) -> list[int]:
        """Rows trained on, increasing, some but not all of ``n_pairs``."""
        return checked_train_rows(self._json(SPLIT), n_pairs, self.path / SPLIT)

    # Later measurements

    def write_derived(self, name: str, record: Mapping[str, Any]) -> Path:
        """Write one of ``DERIVED``; returns its path."""
        if name not in DERIVED:
            raise ValueError(f"{name} is not among {DERIVED}")
        self.files.change({name: json_bytes(record)})
        return self.path / name

    def derived(self, name: str) -> Any:
        """The content of one of ``DERIVED``."""
        return self._json(name)

    # Checkpoints

    def checkpoint_path(self, epoch: int) -> Path:
        """Where the weights of an epoch lie."""
        return self.path / f"checkpoint_e{epoch:06d}.safetensors"

    def audit_page(self, about: str) -> Path:
        """Where the picture of an audit lies; ``about`` is an operation or "over_training"."""
        return self.path / f"audit_{about}.png"

    def epochs(self) -> list[int]:
        """Epochs with a checkpoint, in order."""
        if not self.path.is_dir():
            return []
        matches = (CHECKPOINT.fullmatch(entry.name) for entry in self.path.iterdir())
        return sorted(int(match[1]) for match in matches if match)

    def load(self, epoch: int) -> Checkpoint:
        """The checkpoint of an epoch, all of it checked against the run's config."""
        path = self.checkpoint_path(epoch)
        found = Checkpoint.from_bytes(self.files.read(path.name), path)
        if found.epoch != epoch:
            raise DamagedFile(f"{path} contains the weights of epoch {found.epoch}; it was renamed")
        if found.config.identity() != self.config().identity():
            raise UserError(f"{path} belongs to another run than {self.path / CONFIG}")
        return found

    def save(self, checkpoint: Checkpoint, history: Mapping[str, Any] | None = None) -> None:
        """Write a checkpoint, then delete or shrink older ones that are no longer needed in full.

        A history goes first: weights never lack the rows before them.
        """
        with self.writing():
            files: dict[str, bytes | None] = {} if history is None else {HISTORY: json_bytes(history)}
            files[self.checkpoint_path(checkpoint.epoch).name] = checkpoint.to_bytes()
            older = self._shrunk(checkpoint.epoch)
            self.files.change(files | self._named(older))
        self._final |= older.keys()
        self._final.discard(checkpoint.epoch)
        note = self._scheduled.add if checkpoint.kept == SCHEDULE else self._scheduled.discard
        note(checkpoint.epoch)

    def finish_save(self, newest: int) -> None:
        """Delete or shrink older checkpoints, if a process was killed in ``save`` before it could.

        Raises UserError if another process writes, or the folder cannot be written.
        """
        if older := self._shrunk(newest):
            self.files.change(self._named(older))

    def _named(self, checkpoints: Mapping[int, bytes | None]) -> dict[str, bytes | None]:
        """By the names of their files."""
        return {self.checkpoint_path(epoch).name: content for epoch, content in checkpoints.items()}

    def _shrunk(self, newest: int) -> dict[int, bytes | None]:
        """Changes to older checkpoints: recovery checkpoints go, others lose the optimiser's state."""
        older = [epoch for epoch in self.epochs() if epoch < newest]
        known = self._final | (self._scheduled & {*older[-(N_RESUMABLE - 1) :]})
        recent = {epoch: self._load_if_sound(epoch) for epoch in older[-RECENT:] if epoch not in known}
        gone = [epoch for epoch, old in recent.items() if old is not None and old.kept != SCHEDULE]
        changes: dict[int, bytes | None] = dict.fromkeys(gone)
        stay = [epoch for epoch in older if epoch not in gone]
        for epoch in stay[-RECENT : -(N_RESUMABLE - 1)]:
            old = recent.get(epoch)
            if old is not None and (old.resumable or old.optimiser):
                old.optimiser, old.watch = {}, {}
                changes[epoch] = old.to_bytes()
        return changes

    def _load_if_sound(self, epoch: int) -> Checkpoint | None:
        """A checkpoint, or None if it is damaged: a run that no longer needs it need not stop."""
        try:
            return self.load(epoch)
        except DamagedFile:
            return None

    def remove_after(self, epoch: int) -> None:
        """Delete checkpoints of later epochs; they will be made again."""
        later = [self.checkpoint_path(other).name for other in self.epochs() if other > epoch]
        if later:
            self.files.change(dict.fromkeys(later))

    def clear(self) -> None:
        """Delete the files of a run, and nothing else that lies in the folder."""
        if not self.path.is_dir():
            return
        with self.writing():
            names = [self.checkpoint_path(epoch).name for epoch in self.epochs()]
            names += [entry.name for entry in self.path.iterdir() if AUDIT_PAGE.fullmatch(entry.name)]
            names += [name for name in (*DERIVED, SPLIT, HISTORY, CONFIG) if (self.path / name).exists()]
            if names:
                self.files.change(dict.fromkeys(names))
            self.files.forget()

"""Which file holds which epoch: what the file says, else what its name says, else what the user says."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from grokking.errors import UserError
from grokking.interop.checkpoint_reader import CheckpointFile
from grokking.interop.config_files import MAX_EPOCH
from grokking.interop.external_history import Row
from grokking.interop.untrusted import find_files

IN_NAME = re.compile(
    r"(?:^|[^a-z])(?:e|ep|epochs?|step|iter|iteration|ckpt|checkpoint)[-_=]?(\d+)(?=$|[^0-9a-z])"
)
NUMBER = re.compile(r"\d+")
FIRST_NAMES, LAST_NAMES = ("init", "initial"), ("final", "last", "latest")


@dataclass(frozen=True)
class Snapshot:
    """One network in a file: the ``index``-th of those in it, of ``epoch``."""

    epoch: int
    path: Path
    index: int

    @property
    def label(self) -> str:
        """For messages."""
        return f"{self.path.name}[{self.index}]" if self.index else self.path.name


@dataclass
class Source:
    """All networks of a file or folder, by epoch; files are opened when needed, one at a time.

    notes: what the user should know.  train: what the files say of the pairs trained on.  curves: what they
    report at the epochs of their networks, the values taken as those of these weights, and as those of one
    step before.  left_out: what lies in the files that was not read, each with its place and its class.
    unread: files that cannot be read, and why.
    """

    snapshots: list[Snapshot]
    notes: list[str] = field(default_factory=list)
    train: Any = None
    curves: tuple[dict[int, Row], dict[int, Row]] = field(default_factory=lambda: ({}, {}))
    left_out: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    _open: CheckpointFile | None = None

    @classmethod
    def of(
        cls,
        source: Path,
        epochs: Sequence[str] = (),
        last_epoch: int | None = None,
        stated: tuple[int, str] | None = None,
    ) -> "Source":
        """Find the epoch of every network.

        epochs: what the user says of them, ``"1000"`` for the only file or ``"NAME=1000"``.
        last_epoch: what "final" means if the file does not say.  stated: the epoch that another file says of
        a single network, and the name of that file.
        Raises UserError where an epoch cannot be found, or is there twice.
        """
        found = cls([])
        files = find_files(source)
        hints, numbered = _given_epochs(epochs, files), _numbers(files)
        last: list[Path] = []
        unnumbered: list[Path] = []
        for path in files:
            saved = found._readable(path, alone=len(files) == 1)
            if saved is None:
                continue
            if path.name in hints and len(saved.states) > 1:
                raise UserError(
                    f"{path.name} holds {len(saved.states)} networks with epochs of their own; --epoch is "
                    "for files of one"
                )
            found.train = saved.train if found.train is None else found.train
            numbers = [
                hints.get(path.name, epoch if epoch is not None else _from_name(path, numbered))
                for epoch, _ in saved.states
            ]
            if None not in numbers:
                found._take(saved, [_checked(number, path) for number in numbers if number is not None])
            elif path.stem.lower().split("_")[-1].split("-")[-1] in LAST_NAMES and len(files) > 1:
                last.append(path)
            else:
                unnumbered.append(path)
        found._number(unnumbered, alone=not (last or found.snapshots), stated=stated)
        found._settle(last, last_epoch)
        return found

    def _readable(self, path: Path, alone: bool) -> CheckpointFile | None:
        """What a file holds; None, and a note, for one of several that cannot be read."""
        try:
            saved = self._opened(path)
        except UserError as error:
            if alone:
                raise
            self.unread.append(str(error))
            return None
        self.left_out += [what for what in saved.left_out if what not in self.left_out]
        return saved

    def _number(self, paths: list[Path], alone: bool, stated: tuple[int, str] | None) -> None:
        """A single network without an epoch has the one that is stated, else 0.

        Raises UserError for any other without one.
        """
        if not paths and alone:
            raise UserError(f"none of {len(self.unread)} files can be read; the first: {self.unread[0]}")
        for path in paths:
            saved = self._opened(path)
            if not alone or len(paths) > 1 or len(saved.states) > 1:
                raise UserError(
                    f"no epoch in the name or the content of {path.name}; give --epoch {path.name}=NUMBER"
                )
            epoch, where = stated or (0, "")
            self.notes.append(
                f"epoch {epoch}: as {where} says" if where else "no epoch found: taken as epoch 0"
            )
            self._take(saved, [epoch])

    def _take(self, saved: CheckpointFile, epochs: list[int]) -> None:
        """All networks of a file, of these epochs."""
        self.snapshots += [Snapshot(epoch, saved.path, index) for index, epoch in enumerate(epochs)]
        for late, rows in enumerate(self.curves):
            rows |= saved.curves.rows(epochs, late)

    def state(self, snapshot: Snapshot) -> dict[str, Tensor]:
        """The tensors of one network, by the keys of its file."""
        return self._opened(snapshot.path).states[snapshot.index][1]

    def states(self) -> Iterator[tuple[Snapshot, dict[str, Tensor]]]:
        """All networks, by file."""
        for snapshot in sorted(self.snapshots, key=lambda s: (s.path.name, s.index)):
            yield snapshot, self.state(snapshot)

    def abouts(self) -> Iterator[tuple[str, Mapping[Any, Any]]]:
        """What each file holds in addition to its weights, by the file's name."""
        for path in dict.fromkeys(snapshot.path for snapshot in self.snapshots):
            yield path.name, self._opened(path).about

    def _opened(self, path: Path) -> CheckpointFile:
        if self._open is None or self._open.path != path:
            self._open = CheckpointFile.of(path)
        return self._open

    def _settle(self, last: list[Path], last_epoch: int | None) -> None:
        """Find what "final" means, and take one of two files that hold the same epoch's weights."""
        for path in last:
            final = self._opened(path).states[0][1]
            same = [s for s in self.snapshots if _equal(self.state(s), final)]
            if same:
                self.notes.append(f"{path.name} holds the weights of {same[0].label}")
            elif last_epoch is not None and all(s.epoch < last_epoch for s in self.snapshots):
                self.snapshots.append(Snapshot(last_epoch, path, 0))
            else:
                raise UserError(
                    f"{path.name} does not say of which epoch it is; give --epoch {path.name}=NUMBER"
                )
        kept: dict[int, Snapshot] = {}
        for snapshot in sorted(self.snapshots, key=lambda s: (s.epoch, s.path.name, s.index)):
            other = kept.setdefault(snapshot.epoch, snapshot)
            if other is not snapshot:
                if not _equal(dict(self.state(other)), self.state(snapshot)):
                    what = "remove one, or say what it is with --epoch NAME=NUMBER"
                    if other.path == snapshot.path:
                        what = "its list of epochs names one twice; save them with an epoch each"
                    raise UserError(
                        f"two networks of epoch {snapshot.epoch}: {other.label} and {snapshot.label}; {what}"
                    )
                self.notes.append(f"{snapshot.label} holds the weights of {other.label}")
        self.snapshots = list(kept.values())


def _from_name(path: Path, numbered: Mapping[str, int]) -> int | None:
    """``checkpoint_e001000.pt``, ``1000.pth``, ``step-1000.pt``, ``init.pth``; else None."""
    stem = path.stem.lower()
    if stem in FIRST_NAMES:
        return 0
    numbers = NUMBER.findall(stem) if NUMBER.fullmatch(stem) else IN_NAME.findall(stem)
    return int(numbers[-1][:20]) if numbers else numbered.get(path.name)


def _numbers(files: Sequence[Path]) -> dict[str, int]:
    """The one number in which names of a series differ, by name: ``run7_net500.pt``, ``run7_net900.pt``."""
    series: dict[str, list[Path]] = {}
    for path in files:
        series.setdefault(NUMBER.sub("#", path.stem), []).append(path)
    found: dict[str, int] = {}
    for paths in series.values():
        columns = list(zip(*(NUMBER.findall(path.stem) for path in paths), strict=True))
        varying = [column for column in columns if len(set(column)) > 1]
        if len(varying) == 1:
            found |= {path.name: int(n[:20]) for path, n in zip(paths, varying[0], strict=True)}
    return found


def _checked(epoch: int, path: Path) -> int:
    if not 0 <= epoch <= MAX_EPOCH:
        raise UserError(f"{path.name} is of epoch {str(epoch)[:24]}; accepted: 0 to {MAX_EPOCH}")
    return epoch


def _given_epochs(epochs: Sequence[str], files: Sequence[Path]) -> dict[str, int]:
    """File name to epoch."""
    hints = {}
    for text in epochs:
        name, _, number = text.rpartition("=")
        name = name or (files[0].name if len(files) == 1 else "")
        if name not in {f.name for f in files} or not re.fullmatch(r"\d{1,9}", number):
            raise UserError(
                f"--epoch takes NUMBER for a single file or NAME=NUMBER for one of {len(files)}, not {text!r}"
            )
        hints[name] = int(number)
    return hints


def _equal(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[k].shape == b[k].shape and torch.equal(a[k], b[k]) for k in a)

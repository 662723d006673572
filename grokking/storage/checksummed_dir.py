"""A folder whose ``manifest.json`` lists its files, and which one process at a time may change.

A file has a list of states that it may be in: sha256 digests, or null for "not there". A change is
announced first, when old and new state are both right, and settled after. So the manifest is true
at every moment, and a folder that a killed process left can be distinguished from a damaged
one. Its last line is a checksum of its own.

A folder without a manifest (older, or made by hand) is accepted as it is, and so is a file that the
manifest does not list: they are checked by their own structure when they are read. The first
change gives a folder its manifest, of the files as they are then.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from grokking.errors import DamagedFile, os_errors_as
from grokking.storage.atomic_io import folder_for, read_bytes, temporaries, write_bytes
from grokking.storage.locking import locked

FORMAT = 1
LEADING_ELSEWHERE = frozenset("/\\:\0")
"""Characters by which a name would leave its folder, on some system."""
States = tuple[str | None, ...]


def digest(content: bytes) -> str:
    """sha256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def digest_of_file(path: Path) -> str | None:
    """sha256 of a file, read piece by piece; None if it is not there. Raises OSError."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _is_plain(name: str) -> bool:
    return name not in ("", ".", "..") and LEADING_ELSEWHERE.isdisjoint(name)


@dataclass(frozen=True)
class Manifest:
    """States by file name. A file that is not listed may be in any."""

    files: Mapping[str, States] = field(default_factory=dict)

    def announcing(self, changes: Mapping[str, str | None]) -> "Manifest":
        """Old or new is right; ``changes`` are digests, None for files that go."""
        both = {name: (*self.files.get(name, (None,)), new) for name, new in changes.items()}
        return Manifest({**self.files, **{name: tuple(dict.fromkeys(s)) for name, s in both.items()}})

    def settled(self, states: Mapping[str, str | None]) -> "Manifest":
        """Only these states are right; a file that is gone is no longer listed."""
        kept = {name: old for name, old in self.files.items() if name not in states}
        return Manifest(kept | {name: (state,) for name, state in states.items() if state is not None})

    @property
    def unsettled(self) -> list[str]:
        """Files whose change was announced and not settled."""
        return [name for name, states in self.files.items() if len(states) > 1]

    def to_bytes(self) -> bytes:
        """One form only, so that every byte of it can be checked."""
        body = {"format": FORMAT, "files": {name: list(self.files[name]) for name in sorted(self.files)}}
        own = digest(json.dumps(body).encode())
        return (json.dumps({**body, "sha256": own}, indent=1) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes, path: Path) -> "Manifest":
        """Inverse of ``to_bytes``; raises DamagedFile, naming ``path``, for any other bytes."""
        try:
            files = json.loads(content)["files"]
            manifest = cls({str(name): tuple(states) for name, states in files.items()})
            # Only names in its own folder, since listed files are opened.
            sound = manifest.to_bytes() == content and all(map(_is_plain, manifest.files))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise DamagedFile(f"{path} is damaged: its checksum is not that of its content")
        return manifest


MANIFEST = "manifest.json"
NOT_AS_WRITTEN = "is damaged: its sha256 is not the one in " + MANIFEST


class ChecksummedDir:
    """Files by name; reading raises DamagedFile for one that is not as it was written.

    belongs: whether a name is one of ours; all other files are left alone.  unlisted: whether it is
    one that we write without listing it in the manifest.
    """

    def __init__(
        self, path: Path, belongs: Callable[[str], bool], unlisted: Callable[[str], bool] = lambda _: False
    ) -> None:
        self.path, self.belongs, self.unlisted = path, belongs, unlisted
        self._depth, self._held = 0, ExitStack()
        self._seen: tuple[tuple[int, ...] | None, Manifest] = (None, Manifest())

    # Writing

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the folder's only writer for a block, which may hold further such blocks.

        Makes the folder, settles what a killed writer left unsettled and deletes what it had not
        finished writing. Raises UserError if another process writes, or the folder cannot be written.
        """
        if self._depth == 0:
            self._held.enter_context(folder_for(self.path))
        self._depth += 1
        try:
            if self._depth == 1:
                self._held.enter_context(locked(self.path))
                self._clean_up()
                self._settle()
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                self._held.close()

    def change(self, files: Mapping[str, bytes | None]) -> None:
        """Write files, or delete those that are None, in this order; each appears whole or not at all.

        Raises UserError if that fails; files that were not yet reached are as they were.
        """
        after = {name: None if content is None else digest(content) for name, content in files.items()}
        with self.announced(after):
            for name, content in files.items():
                if content is None:
                    self._delete(name)
                else:
                    write_bytes(self.path / name, content)

    @contextmanager
    def announced(self, after: Mapping[str, str | None]) -> Iterator[None]:
        """A block that brings files into these states (digests, None: gone); the manifest follows."""
        with self.writing():
            before = self._manifest()
            if not before.files:
                before = self._as_it_is()
            self._write(before.announcing(after))
            yield
            self._write(before.settled(after))

    def forget(self) -> None:
        """Delete the manifest."""
        with self.writing():
            self._delete(MANIFEST)

    def _write(self, manifest: Manifest) -> None:
        write_bytes(self.path / MANIFEST, manifest.to_bytes())
        self._seen = self._version(), manifest

    def _delete(self, name: str) -> None:
        with os_errors_as(f"delete {self.path / name}"):
            (self.path / name).unlink(missing_ok=True)

    def _clean_up(self) -> None:
        for left, name in temporaries(self.path).items():
            if name == MANIFEST or self.belongs(name) or self.unlisted(name):
                self._delete(left.name)

    def _settle(self) -> None:
        manifest = self._manifest(fresh=True)
        if not manifest.unsettled:
            return
        present = {name: self._digest(name) for name in manifest.unsettled}
        self._write(manifest.settled({n: d for n, d in present.items() if d in manifest.files[n]}))

    def _as_it_is(self) -> Manifest:
        with os_errors_as(f"write in {self.path}"):
            names = [name for name in os.listdir(self.path) if self.belongs(name)]
        return Manifest().settled({name: self._digest(name) for name in names})

    # Reading

    def read(self, name: str) -> bytes:
        """A file's content. Raises UserError if it cannot be read, DamagedFile if it was altered."""
        manifest = self._manifest()
        while True:
            content = read_bytes(self.path / name)
            states = manifest.files.get(name)
            if states is None or digest(content) in states:
                return content
            before, manifest = manifest, self._manifest(fresh=True)
            if manifest == before:  # else the file was changed while we read
                raise DamagedFile(f"{self.path / name} {NOT_AS_WRITTEN}")

    def faults(self) -> dict[str, str]:
        """What is wrong, by file name: every file that the manifest lists is read, and itself."""
        try:
            names = self._read_manifest().files
        except DamagedFile:
            return {MANIFEST: "is damaged: the other files are checked by their own structure only"}
        found = {name: self._fault(name) for name in names}
        return {name: fault for name, fault in found.items() if fault}

    def listed(self, name: str) -> bool:
        """Whether the manifest speaks of a file."""
        return name in self._manifest().files

    @property
    def unsettled(self) -> list[str]:
        """Files whose change was begun and, so far, not finished."""
        return self._manifest(fresh=True).unsettled

    def _fault(self, name: str) -> str | None:
        manifest = self._manifest()
        while True:
            state = self._digest(name)
            if state in manifest.files.get(name, (state,)):
                return None
            before, manifest = manifest, self._manifest(fresh=True)
            if manifest == before:
                return "is missing" if state is None else NOT_AS_WRITTEN

    def _digest(self, name: str) -> str | None:
        with os_errors_as(f"read {self.path / name}"):
            return digest_of_file(self.path / name)

    def _manifest(self, fresh: bool = False) -> Manifest:
        """The manifest as it is now; an empty one where there is none, or a damaged one."""
        version = self._version()
        if fresh or version != self._seen[0]:
            try:
                self._seen = version, self._read_manifest()
            except DamagedFile:
                self._seen = version, Manifest()
        return self._seen[1]

    def _read_manifest(self) -> Manifest:
        path = self.path / MANIFEST
        return Manifest.from_bytes(read_bytes(path), path) if path.exists() else Manifest()

    def _version(self) -> tuple[int, ...]:
        """Tells one manifest from the next; not by time alone, since clocks go backwards."""
        try:
            now = os.stat(self.path / MANIFEST)
        except OSError:
            return ()
        return now.st_ino, now.st_size, now.st_mtime_ns

"""A folder whose files are listed in a manifest, and which one process at a time may change."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from grokking.errors import DamagedFile, os_errors_as
from grokking.storage.atomic_io import folder_for, read_bytes, temporaries, write_bytes
from grokking.storage.locking import locked
from grokking.storage.manifest import Manifest, digest, digest_of_file

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

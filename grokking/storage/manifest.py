"""``manifest.json``: what the files of a folder should hold, so that damage is noticed and named.

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
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grokking.errors import DamagedFile

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

"""What was found, kept piece by piece, so that a bench of an hour may be interrupted."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from grokking.storage.atomic_io import read_json, write_json
from grokking.storage.provenance import git_commit

Once = Callable[[str, Callable[[], Any]], Any]
"""(name of a piece, how to find it) to what was found."""


def at_once(_: str, find: Callable[[], Any]) -> Any:
    """Nothing is kept."""
    return find()


class Notes:
    """Findings of one part in a file; ``once`` does what is not in it. about: how they are found."""

    def __init__(self, path: Path, about: Mapping[str, Any], anew: bool = False) -> None:
        self.path, self.commit = path, git_commit()
        self.record: dict[str, Any] = {**about, "commits": {}, "found": {}}
        if path.exists() and not anew:
            self.record = read_json(path)

    def once(self, name: str, find: Callable[[], Any]) -> Any:
        """What was found under ``name``, as plain data."""
        if name not in self.record["found"]:
            self.record["found"][name] = _plain(find())
            self.record["commits"][name] = self.commit
            write_json(self.path, self.record)
        return self.record["found"][name]


def _plain(found: Any) -> Any:
    if is_dataclass(found) and not isinstance(found, type):
        return asdict(found)
    return [_plain(value) for value in found] if isinstance(found, list) else found

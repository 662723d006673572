"""Registries: how a task family, a model, an optimiser, a metric or a film is added without a list.

An entry is an object with a ``name``. Every module of the registry's package registers its own entries when
it is imported, and the package is searched the first time the registry is asked. Code outside this project
adds entries in one of three ways:

- ``OPTIMISERS.register(MyOptimiser())`` before training is started from Python;
- an entry point of an installed distribution, in the group that the registry names
  (``[project.entry-points."grokking.optimisers"]``, ``mine = "my_module"``);
- the environment variable ``GROKKING_PLUGINS``: modules or .py files, separated by commas.
"""

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from grokking.errors import UserError

PLUGINS = "GROKKING_PLUGINS"
DEFAULT_RANK = 100


class Entry(Protocol):
    """What every registry holds: something with a name."""

    @property
    def name(self) -> str:
        """The name by which a config, a flag or a command asks for it."""
        ...


E = TypeVar("E", bound=Entry)


class Registry(Generic[E]):
    """The entries of one kind, in the order of their ``rank`` (100 where an entry has none), then of names.

    kind: what a message calls an entry.  package: where the entries of this project lie; each of its modules
    is imported when the registry is first asked.  group: the name of the entry points of other distributions.
    """

    def __init__(self, kind: str, package: str, group: str) -> None:
        self.kind, self.package, self.group = kind, package, group
        self._entries: dict[str, E] = {}
        self._searched = False

    def register(self, entry: E) -> E:
        """Add an entry; returns it, so that this also serves as a decorator.

        Raises ValueError for a name that another entry has.
        """
        if entry.name in self._entries and self._entries[entry.name] is not entry:
            raise ValueError(f"there are two entries named {entry.name!r} among the {self.kind}s")
        self._entries[entry.name] = entry
        return entry

    def unregister(self, name: str) -> None:
        """Take an entry out; for tests and notebooks that try one."""
        self._entries.pop(name, None)

    def names(self) -> list[str]:
        """The names of all entries, in order."""
        return [entry.name for entry in self]

    def get(self, name: str) -> E:
        """The entry of that name; raises UserError, with the known names, where there is none."""
        self._search()
        if name not in self._entries:
            raise UserError(f"unknown {self.kind} {name!r}; known: {', '.join(self.names())}")
        return self._entries[name]

    def __contains__(self, name: str) -> bool:
        self._search()
        return name in self._entries

    def __iter__(self) -> Iterator[E]:
        self._search()
        return iter(
            sorted(self._entries.values(), key=lambda entry: (getattr(entry, "rank", 100), entry.name))
        )

    def _search(self) -> None:
        if self._searched:
            return
        self._searched = True  # before the imports: an entry may ask its own registry
        try:
            for name in modules_of(self.package):
                importlib.import_module(name)
            for point in entry_points(group=self.group):
                point.load()
            load_plugins(os.environ.get(PLUGINS, ""))
        except BaseException:
            self._searched = False
            raise


def _rank_and_name(entry: Entry) -> tuple[int, str]:
    return getattr(entry, "rank", DEFAULT_RANK), entry.name


def modules_of(package: str) -> list[str]:
    """Full names of the modules and packages that lie directly in a package, in order."""
    found = importlib.import_module(package)
    return sorted(f"{package}.{module.name}" for module in pkgutil.iter_modules(found.__path__))


@lru_cache
def load_plugins(text: str) -> None:
    """Import the modules or .py files that ``GROKKING_PLUGINS`` names, once each.

    Raises UserError for one that is not there or cannot be imported.
    """
    for name in filter(None, (part.strip() for part in text.split(","))):
        try:
            _import_file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
        except Exception as error:  # whatever a person's own module raises is that person's to read
            raise UserError(f"{PLUGINS} names {name}, which cannot be imported: {error}") from error


def _import_file(path: Path) -> None:
    if path.stem in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # so that what it defines can be pickled
    spec.loader.exec_module(module)

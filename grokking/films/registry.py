"""The films in words, and the registry of them: help texts come without matplotlib and PyTorch.

A new film is one new module of ``grokking.films.catalogue`` that registers a ``FilmEntry``. Importing it must
be cheap: what measures and draws is imported inside of ``load``, whether it lies in the same module or in
others.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grokking.registry import Registry

if TYPE_CHECKING:
    from grokking.films.film import Film


@dataclass(frozen=True)
class FilmEntry:
    """A film as ``grokking frames`` offers it.

    name: as it is typed, and of the folder of frames, ``frames_<name>``.  summary: its line in
    ``grokking frames --help``.  description: the text of its own help.  load: gives the film itself.
    own: options that only this film has, whole numbers, each with its help text.  own_text: those that are
    text.  of_an_operation: whether it shows one operation, in one of two views.
    """

    name: str
    summary: str
    description: str
    load: "Callable[[], Film]"
    own: Mapping[str, str] = field(default_factory=dict)
    own_text: Mapping[str, str] = field(default_factory=dict)
    of_an_operation: bool = True
    rank: int = 100


FILMS: Registry[FilmEntry] = Registry("film", "grokking.films.catalogue", "grokking.films")

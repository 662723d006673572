"""All kinds of film: every module of ``grokking.films.kinds`` that has a ``FILM``."""

import importlib
import pkgutil
from functools import lru_cache

from grokking.errors import UserError
from grokking.films import kinds
from grokking.films.film import Film
from grokking.runs.run import Run


@lru_cache
def films() -> dict[str, Film]:
    """Every film by its name, in alphabetical order."""
    modules = (
        importlib.import_module(f"{kinds.__name__}.{found.name}")
        for found in pkgutil.iter_modules(kinds.__path__)
    )
    found = [module.FILM for module in modules if hasattr(module, "FILM")]
    return {film.name: film for film in sorted(found, key=lambda film: film.name)}


def film_named(name: str) -> Film:
    """One film; raises UserError for an unknown name."""
    if name not in films():
        raise UserError(f"unknown film {name!r}; known: {', '.join(films())}")
    return films()[name]


def films_of(run: Run) -> list[Film]:
    """The films that have a meaning for a run's task."""
    return [film for film in films().values() if film.applies(run)]

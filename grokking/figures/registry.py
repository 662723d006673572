"""All figures: what the modules of ``grokking.figures.plots`` register, in the order of the page."""

import importlib
import pkgutil
from collections.abc import Sequence
from functools import lru_cache

from grokking.errors import UserError
from grokking.figures import plots
from grokking.figures.spec import REGISTERED, FigureSpec, Section


@lru_cache
def figures() -> tuple[FigureSpec, ...]:
    """Every figure, by the rank of its section and its rank there."""
    for module in pkgutil.iter_modules(plots.__path__):
        importlib.import_module(f"{plots.__name__}.{module.name}")
    return tuple(sorted(REGISTERED.values(), key=lambda spec: spec.place))


def sections() -> list[Section]:
    """The sections of all figures, in the order of the page."""
    return list(dict.fromkeys(spec.section for spec in figures()))


def choose(names: Sequence[str] | None) -> list[FigureSpec]:
    """The figures of these names, or of these sections, in the order of the page; all for None.

    Raises UserError for an unknown name.
    """
    if names is None:
        return list(figures())
    known = {spec.name for spec in figures()} | {section.name for section in sections()}
    for name in names:
        if name not in known:
            raise UserError(
                f"unknown figure {name!r}; known: {', '.join(spec.name for spec in figures())}, "
                f"or a whole section: {', '.join(section.name for section in sections())}"
            )
    return [spec for spec in figures() if spec.name in names or spec.section.name in names]


def listing() -> str:
    """A line per figure: name, section, title."""
    wide = max(len(spec.name) for spec in figures())
    return "\n".join(f"{spec.name:{wide}}  {spec.section.name:10}  {spec.title}" for spec in figures())

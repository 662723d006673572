"""What a figure is, how a module of ``grokking.figures.plots`` registers one, and all of them."""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from grokking.errors import UserError
from grokking.figures import plots
from grokking.runs.view import RunView

Draw = Callable[..., str]
REGISTERED: dict[str, "FigureSpec"] = {}
"""Every figure whose module was imported, by name; ``registry.figures`` imports all of them."""


@dataclass(frozen=True)
class Section:
    """A section of the page of figures. rank: its place on the page, smallest first."""

    name: str
    heading: str
    rank: int

    def figure(
        self,
        name: str,
        title: str,
        reading: str,
        height: float | Callable[[RunView], float],
        *,
        rank: int,
        needs: tuple[str, ...] = (),
        at_epoch: bool = False,
        waves: bool = True,
        keys: bool = False,
        split: bool = False,
        logarithms: bool = False,
        blocks: bool = False,
        why_cyclic: str = "",
        columns: tuple[str, ...] = (),
    ) -> Callable[[Draw], Draw]:
        """Register the function below as a figure of this section; for the arguments see ``FigureSpec``."""

        def register(draw: Draw) -> Draw:
            if name in REGISTERED and REGISTERED[name].draw.__module__ != draw.__module__:
                raise UserError(f"two figures are named {name!r}; give one of them another name")
            REGISTERED[name] = FigureSpec(
                name,
                self,
                title,
                reading,
                draw,
                height,
                rank,
                frozenset(needs),
                at_epoch,
                waves,
                keys,
                split,
                logarithms,
                blocks,
                why_cyclic,
                columns,
            )
            return draw

        return register


@dataclass(frozen=True)
class FigureSpec:
    """One figure.

    name: of its files and for ``--only``.  reading: a sentence on how to read the figure.
    draw: (canvas, view) or, if ``needs`` is not empty, (canvas, view, over_training); draws, and returns a
    sentence with the numbers of this run.
    height: inches, at the canvas's width of 8, or a function of the view that says how many.
    rank: its place in the section, smallest first.
    needs: what the figure shows over training, by the names in ``over_training.PARTS``.
    at_epoch: the figure shows one epoch, not the whole run.  waves: it is about waves, so it needs an
    operation with a cyclic group.  keys: it needs key frequencies.  split: it needs to know which
    pairs were trained on.  logarithms: it needs discrete logarithms, so an odd prime modulus.  blocks: of
    a figure about waves, it holds for any group if "block" is read for "frequency".  why_cyclic: of one that
    does not, why, as the end of a sentence.  columns: measures of ``progress.json``, of which it needs one.
    """

    name: str
    section: Section
    title: str
    reading: str
    draw: Draw
    height: float | Callable[[RunView], float]
    rank: int
    needs: frozenset[str] = frozenset()
    at_epoch: bool = False
    waves: bool = True
    keys: bool = False
    split: bool = False
    logarithms: bool = False
    blocks: bool = False
    why_cyclic: str = ""
    columns: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[int, str, int, str]:
        """What figures are sorted by on the page."""
        return self.section.rank, self.section.name, self.rank, self.name


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

"""What the films are, in words: their help texts come without matplotlib."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class FilmHelp:
    """A film as its help text says it.

    own: flags that only this film has, each with its help text; whole numbers.  of_an_operation: whether it
    shows one operation, in one of two views.
    """

    name: str
    summary: str
    description: str
    own: dict[str, str] = field(default_factory=dict)
    of_an_operation: bool = True


FILM_HELP: list[FilmHelp] = []

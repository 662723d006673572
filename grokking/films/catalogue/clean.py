"""Film one neuron as its activation becomes a sine wave of the answer.

    grokking frames clean RUN_DIR --output_dir frames_clean/default
    grokking frames clean RUN_DIR --neuron 217 --view source

Writes frame_00000.png, frame_00001.png, ..., one per checkpoint. Prints their folder.
"""

from typing import TYPE_CHECKING

from grokking.films.registry import FILMS, FilmEntry

if TYPE_CHECKING:
    from grokking.films.film import Film


def load() -> "Film":
    """The film itself."""
    from grokking.films.kinds.clean import FILM

    return FILM


FILMS.register(
    FilmEntry(
        "clean",
        "one neuron that becomes a sine wave",
        __doc__,
        load,
        own={"neuron": "default: the one with the best final R²"},
        rank=20,
    )
)

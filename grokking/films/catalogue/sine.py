"""Film six neurons of several frequencies as they become sine waves of the answer.

    grokking frames sine RUN_DIR --output_dir frames_sine/default
    grokking frames sine RUN_DIR --view source --n_frames 40

Writes frame_00000.png, frame_00001.png, ..., one per checkpoint. Prints their folder.
"""

from typing import TYPE_CHECKING

from grokking.films.registry import FILMS, FilmEntry

if TYPE_CHECKING:
    from grokking.films.film import Film


def load() -> "Film":
    """The film itself."""
    from grokking.films.kinds.sine import FILM

    return FILM


FILMS.register(
    FilmEntry(
        "sine",
        "six neurons of several frequencies",
        __doc__,
        load,
        rank=30,
    )
)

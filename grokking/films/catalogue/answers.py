"""Film the answers of the network to all questions: right or wrong, trained or held out.

    grokking frames answers RUN_DIR --output_dir frames_answers/default
    grokking frames answers RUN_DIR --direct answers.mp4

A square for each pair (a, b). Memorising fills the trained ones, grokking the others. Writes frame_00000.png,
frame_00001.png, ..., one per checkpoint. Prints their folder.
"""

from typing import TYPE_CHECKING

from grokking.films.registry import FILMS, FilmEntry

if TYPE_CHECKING:
    from grokking.films.film import Film


def load() -> "Film":
    """The film itself."""
    from grokking.films.kinds.answers import FILM

    return FILM


FILMS.register(FilmEntry("answers", "which questions the network answers", __doc__, load, rank=5))

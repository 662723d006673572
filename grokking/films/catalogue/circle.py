"""Film the token embeddings as they gather on the circle of their key frequency.

    grokking frames circle RUN_DIR --output_dir frames_circle/default
    grokking frames circle RUN_DIR --view source --direct circle.mp4

Writes frame_00000.png, frame_00001.png, ..., one per checkpoint. Prints their folder.
"""

from typing import TYPE_CHECKING

from grokking.films.registry import FILMS, FilmEntry

if TYPE_CHECKING:
    from grokking.films.film import Film


def load() -> "Film":
    """The film itself."""
    from grokking.films.kinds.circle import FILM

    return FILM


FILMS.register(
    FilmEntry(
        "circle",
        "tokens that gather on a circle",
        __doc__,
        load,
        own={"frequency": "default: the final model's dominant one"},
        own_text={
            "block": "of a group that is not cyclic, by its label; default: the key block with most of W_E"
        },
        rank=10,
    )
)

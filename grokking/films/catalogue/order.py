"""Film the spectrum of the embedding in two orders of its numbers: as one counts, and by discrete logarithm.

    grokking frames order RUN_DIR --output_dir frames_order/default
    grokking frames order RUN_DIR --view source --direct order.mp4

A network that multiplies has a dense spectrum in the first order and a sparse one in the second. Writes
frame_00000.png, frame_00001.png, ..., one per checkpoint. Prints their folder.
"""

from typing import TYPE_CHECKING

from grokking.films.registry import FILMS, FilmEntry

if TYPE_CHECKING:
    from grokking.films.film import Film


def load() -> "Film":
    """The film itself."""
    from grokking.films.kinds.order import FILM

    return FILM


FILMS.register(
    FilmEntry(
        "order",
        "one embedding in two orders of its numbers",
        __doc__,
        load,
        rank=40,
    )
)

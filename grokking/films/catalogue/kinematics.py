"""Film a network of projectile heights: its trajectories with the true ones, and its errors.

    grokking frames kinematics RUN_DIR --output_dir frames_kinematics/kinematics
    grokking frames kinematics RUN_DIR --direct kinematics.mp4

Writes frame_00000.png, frame_00001.png, ..., one per checkpoint. Prints their folder.
"""

from typing import TYPE_CHECKING

from grokking.films.registry import FILMS, FilmEntry

if TYPE_CHECKING:
    from grokking.films.film import Film


def load() -> "Film":
    """The film itself."""
    from grokking.films.kinds.kinematics import FILM

    return FILM


FILMS.register(
    FilmEntry(
        "kinematics",
        "answered and true trajectories of a projectile",
        __doc__,
        load,
        of_an_operation=False,
        rank=50,
    )
)

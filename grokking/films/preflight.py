"""Can films be made here? Asked before the hours of training that they are to show.

``grokking demo`` asks it before it trains.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from grokking.films.video import VideoWriter
from grokking.storage.atomic_io import folder_for, scratch_folder

SIZE = (64, 48)


def require_films(folders: Sequence[Path]) -> None:
    """Raises UserError unless the folders can be written and ffmpeg makes a film in the first.

    The folders and a tiny film in the first of them are made, and vanish again.
    """
    with ExitStack() as made:
        for folder in folders:
            made.enter_context(folder_for(folder))
        scratch = made.enter_context(scratch_folder(folders[0], ".ready-"))
        with VideoWriter(scratch / "film.mp4", SIZE) as film:
            film.write(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))

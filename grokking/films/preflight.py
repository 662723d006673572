"""Can films be made here? Asked before the hours of training that they are to show.

    python -m grokking.films.preflight frames_circle/quick …

Makes the folders and a tiny film in the first of them, which vanish again; prints nothing.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from grokking.cli.console import run_script
from grokking.cli.parser import Parser
from grokking.films.video import VideoWriter
from grokking.storage.atomic_io import folder_for, scratch_folder

SIZE = (64, 48)


def require_films(folders: Sequence[Path]) -> None:
    """Raises UserError unless the folders can be written and ffmpeg makes a film in the first."""
    with ExitStack() as made:
        for folder in folders:
            made.enter_context(folder_for(folder))
        scratch = made.enter_context(scratch_folder(folders[0], ".ready-"))
        with VideoWriter(scratch / "film.mp4", SIZE) as film:
            film.write(np.zeros((SIZE[1], SIZE[0], 3), np.uint8))


def main() -> None:
    """The command line."""
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FRAMES_DIR")
    require_films(parser.parse_args().folders)


if __name__ == "__main__":
    run_script(main)

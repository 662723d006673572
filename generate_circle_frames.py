"""Film the token embeddings as they gather on the circle of their key frequency.

    python generate_circle_frames.py RUN_DIR --output_dir frames_circle/default
    python generate_circle_frames.py RUN_DIR --view source --direct circle.mp4

Writes frame_00000.png, frame_00001.png, ..., one per kept epoch. Prints their folder.
"""

from grokking.cli.console import run_script
from grokking.guard import loading


def main() -> None:
    # Not above: each process that draws reads this file again, and would load PyTorch for nothing.
    with loading():
        from grokking.films.circle import CIRCLE
        from grokking.films.film import run_film

    print(run_film(CIRCLE, __doc__, "frequency"))


if __name__ == "__main__":
    run_script(main)

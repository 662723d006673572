"""Film the token embeddings as they gather on the circle of their key frequency.

    python generate_circle_frames.py RUN_DIR --output_dir frames_circle/default
    python generate_circle_frames.py RUN_DIR --view source --direct circle.mp4

Writes frame_00000.png, frame_00001.png, ..., one per kept epoch. Prints their folder.
"""

from grokking.cli.console import run_script


def main() -> None:
    # Not above: --help and mistakes in the command need no PyTorch.
    from grokking.films.command import run_film

    print(run_film("circle", __doc__))


if __name__ == "__main__":
    run_script(main)

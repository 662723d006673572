"""Film six neurons of several frequencies as they become sine waves of the answer.

    python generate_sine_frames.py RUN_DIR --output_dir frames_sine/default
    python generate_sine_frames.py RUN_DIR --view source --n_frames 40

Writes frame_00000.png, frame_00001.png, ..., one per kept epoch. Prints their folder.
"""

from grokking.cli.console import run_script


def main() -> None:
    # Not above: --help and mistakes in the command need no PyTorch.
    from grokking.films.command import run_film

    print(run_film("sine", __doc__))


if __name__ == "__main__":
    run_script(main)
